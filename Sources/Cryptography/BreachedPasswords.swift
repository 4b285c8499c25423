import COpenSSL
import Glibc

/// Passwords known from breaches: a file of lines `SHA-1:count` ordered by hash, as Have I Been
/// Pwned publishes it, searched where it lies.
///
/// The whole list has tens of gigabytes, so nothing of it is loaded: a search reads some forty
/// short pieces. The file stays open, so a newer one is moved over it and taken at the next start.
package final class BreachedPasswords: Sendable {
    package struct Unusable: Error, CustomStringConvertible {
        package let description: String
    }

    /// 40 digits, a colon, a count, an end of line; with room for a count of any size.
    private static let lineBytesMax = 80
    private static let hashDigits = 40

    private let file: Int32
    private let bytesCount: Int64

    /// Opens the file, and looks whether its first and its last line have the form and the order.
    package init(path: String) throws(Unusable) {
        file = unsafe open(path, O_RDONLY | O_CLOEXEC)
        guard file >= 0 else { throw Unusable(description: "\(path) cannot be read") }
        bytesCount = Int64(lseek(file, 0, SEEK_END))
        guard let first = line(at: 0)?.hash, let last = line(at: max(0, bytesCount - 2))?.hash,
            first.lexicographicallyPrecedes(last) || first == last
        else {
            throw Unusable(
                description: "\(path) is not a list of SHA-1 hashes with counts, ordered by hash")
        }
    }

    deinit { close(file) }

    /// Whether the password stands in the file. Blocks for the reading, so not on a thread of
    /// Swift's own pool.
    package func contain(_ password: String) -> Bool { contain(hash: Self.sha1(password)) }

    /// Looks between two offsets, of which the lower is always the start of a line.
    private func contain(hash: [UInt8]) -> Bool {
        var (low, high) = (Int64(0), bytesCount)
        while low < high {
            guard let line = line(at: low + (high - low) / 2) else { return false }
            if line.hash == hash { return true }
            if line.hash.lexicographicallyPrecedes(hash) {
                low = line.end
            } else {
                high = line.start
            }
        }
        return false
    }

    private struct Line {
        /// In upper case.
        let hash: [UInt8]
        let start: Int64
        /// Where the next one starts.
        let end: Int64
    }

    /// The line in which this byte stands; nil when it is none.
    private func line(at offset: Int64) -> Line? {
        let windowStart = max(0, offset - Int64(Self.lineBytesMax))
        let window = read(at: windowStart, count: 2 * Self.lineBytesMax)
        let position = Int(offset - windowStart)
        guard position < window.count else { return nil }
        let newline = UInt8(ascii: "\n")
        let start = window[..<position].lastIndex(of: newline).map { $0 + 1 } ?? 0
        let end = window[position...].firstIndex(of: newline).map { $0 + 1 } ?? window.count
        let digits = window[start..<end].prefix(Self.hashDigits).map { Self.upper($0) }
        // A line that began before the window, or goes on behind it, is longer than any of these.
        guard start > 0 || windowStart == 0, end - start <= Self.lineBytesMax,
            digits.count == Self.hashDigits, digits.allSatisfy(Self.isHexadecimal)
        else { return nil }
        return Line(
            hash: digits, start: windowStart + Int64(start), end: windowStart + Int64(end))
    }

    private func read(at offset: Int64, count: Int) -> [UInt8] {
        unsafe [UInt8](unsafeUninitializedCapacity: count) { buffer, initialized in
            let got = unsafe pread(file, buffer.baseAddress, count, off_t(offset))
            initialized = max(0, got)
        }
    }

    private static func isHexadecimal(_ byte: UInt8) -> Bool {
        (0x30...0x39).contains(byte) || (0x41...0x46).contains(byte)
    }

    private static func upper(_ byte: UInt8) -> UInt8 {
        (0x61...0x66).contains(byte) ? byte - 0x20 : byte
    }

    /// SHA-1 because the lists are made with it; it protects nothing here.
    static func sha1(_ password: String) -> [UInt8] {
        var digest = [UInt8](repeating: 0, count: 20)
        let bytes = Array(password.utf8)
        _ = unsafe SHA1(bytes, bytes.count, &digest)
        let digits = Array("0123456789ABCDEF".utf8)
        return digest.flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] }
    }
}
