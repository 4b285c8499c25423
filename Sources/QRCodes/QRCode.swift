import CQRencode

/// A QR code (ISO/IEC 18004): which of its modules are dark. The drawing is somebody else's.
package struct QRCode: Equatable, Sendable {
    /// How much of the code may be unreadable: 7, 15, 25 and 30 per cent.
    package enum Correction: Sendable, CaseIterable {
        case low, medium, quartile, high
    }

    package struct TooLong: Error, Equatable {}

    /// The light margin that a reader needs, in modules.
    package static let quietModules = 4
    /// What the largest code holds in its densest mode, digits.
    package static let textBytesMax = 7_089
    /// Versions up to this one are shown with medium correction, larger ones with low: a screen is
    /// not torn or soiled, and a module that is larger is worth more than a spare one.
    static let mediumVersionMax = 14

    /// Modules along each side, without the margin.
    package let side: Int
    private let modules: [Bool]

    /// 1 to 40; each is four modules larger than the one before.
    package var version: Int { (side - 17) / 4 }

    /// The smallest code for the text: in the alphanumeric mode if its characters allow, else as
    /// the bytes of its UTF-8.
    package init(_ text: String, _ correction: Correction) throws(TooLong) {
        let bytes = Array(text.utf8)
        guard !bytes.isEmpty, bytes.count <= Self.textBytesMax else { throw TooLong() }
        let mode = bytes.allSatisfy(Self.isAlphanumeric) ? QR_MODE_AN : QR_MODE_8
        guard let input = unsafe QRinput_new2(0, correction.level) else { throw TooLong() }
        defer { unsafe QRinput_free(input) }
        guard unsafe QRinput_append(input, mode, Int32(bytes.count), bytes) == 0,
            let code = unsafe QRcode_encodeInput(input)
        else { throw TooLong() }
        defer { unsafe QRcode_free(code) }
        side = unsafe Int(code.pointee.width)
        // The lowest bit of a module is its colour; the others say what part of the code it is.
        modules = unsafe UnsafeBufferPointer(start: code.pointee.data, count: side * side)
            .map { $0 & 1 == 1 }
    }

    /// For a screen that a camera looks at.
    package init(forScreen text: String) throws(TooLong) {
        let medium: QRCode?
        do throws(TooLong) { medium = try QRCode(text, .medium) } catch { medium = nil }
        if let medium, medium.version <= Self.mediumVersionMax {
            self = medium
        } else {
            self = try QRCode(text, .low)
        }
    }

    /// Everything outside the code is light.
    package func isDark(_ column: Int, _ row: Int) -> Bool {
        guard (0..<side).contains(column), (0..<side).contains(row) else { return false }
        return modules[row * side + column]
    }

    /// The capital letters, digits and nine signs of the alphanumeric mode.
    private static func isAlphanumeric(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "A")...UInt8(ascii: "Z"): true
        default: " $%*+-./:".utf8.contains(byte)
        }
    }
}

extension QRCode.Correction {
    fileprivate var level: QRecLevel {
        switch self {
        case .low: QR_ECLEVEL_L
        case .medium: QR_ECLEVEL_M
        case .quartile: QR_ECLEVEL_Q
        case .high: QR_ECLEVEL_H
        }
    }
}
