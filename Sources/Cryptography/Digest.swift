import COpenSSL

/// The 32 bytes of a SHA-256, as a value that needs no memory of its own.
package struct Digest: Sendable, Hashable, BitwiseCopyable {
    /// The bytes, eight to a word, the first byte the most significant.
    fileprivate let words: Words

    fileprivate struct Words: Hashable, BitwiseCopyable {
        var first: UInt64
        var second: UInt64
        var third: UInt64
        var fourth: UInt64
    }

    package static let bytesCount = 32

    /// What a chain begins with.
    package static let zero = Digest(Words(first: 0, second: 0, third: 0, fourth: 0))

    private init(_ words: Words) { self.words = words }

    /// Nil unless there are 32 bytes.
    package init?(bytes: [UInt8]) {
        guard bytes.count == Self.bytesCount else { return nil }
        unsafe self.init(writing: { raw in
            unsafe bytes.withUnsafeBytes {
                unsafe raw.copyMemory(from: $0.baseAddress!, byteCount: Self.bytesCount)
            }
        })
    }

    /// 32 bytes that nobody can guess.
    package static func random() -> Digest {
        guard let digest = Digest(bytes: SecureRandom.bytes(bytesCount)) else {
            preconditionFailure("as many bytes came as were asked for")
        }
        return digest
    }

    /// The first 16 bytes and the last, each as one number.
    package var halves: (first: UInt128, second: UInt128) {
        (
            UInt128(words.first) << 64 | UInt128(words.second),
            UInt128(words.third) << 64 | UInt128(words.fourth)
        )
    }

    package var bytes: [UInt8] {
        var bytes: [UInt8] = []
        bytes.append(self)
        return bytes
    }

    fileprivate init(writing fill: (UnsafeMutableRawPointer) -> Void) {
        var raw = Words(first: 0, second: 0, third: 0, fourth: 0)
        unsafe withUnsafeMutableBytes(of: &raw) { unsafe fill($0.baseAddress!) }
        self.init(
            Words(
                first: UInt64(bigEndian: raw.first), second: UInt64(bigEndian: raw.second),
                third: UInt64(bigEndian: raw.third), fourth: UInt64(bigEndian: raw.fourth)))
    }
}

/// In hexadecimal digits.
extension Digest: CustomStringConvertible {
    package var description: String { Hex.encode(bytes) }
}

/// Hashes many short messages, one after another: not `Sendable` on purpose.
@safe
package final class Digester {
    private let context: OpaquePointer
    private var message: [UInt8] = []

    package init() {
        guard let context = unsafe florin_sha256_new() else {
            preconditionFailure("SHA-256 is part of every OpenSSL; only memory can be lacking")
        }
        unsafe self.context = context
    }

    deinit { unsafe EVP_MD_CTX_free(context) }

    /// The SHA-256 of the bytes that `write` appends to the array it is given.
    package func digest(_ write: (inout [UInt8]) -> Void) -> Digest {
        message.removeAll(keepingCapacity: true)
        write(&message)
        return unsafe Digest { digest in
            let isDone = unsafe florin_sha256(
                context, message, message.count, digest.assumingMemoryBound(to: UInt8.self))
            precondition(isDone == 1, "hashing what is in memory cannot fail")
        }
    }
}

extension Array<UInt8> {
    /// Appends the number's bytes, the most significant first.
    ///
    /// Inlinable: a dozen are appended for each line of the journal, and generic code that stays in
    /// this module would look up its types each time.
    @inlinable
    package mutating func append(bigEndian number: some FixedWidthInteger & BitwiseCopyable) {
        unsafe Swift.withUnsafeBytes(of: number.bigEndian) { unsafe append(contentsOf: $0) }
    }

    package mutating func append(_ digest: Digest) {
        append(bigEndian: digest.words.first)
        append(bigEndian: digest.words.second)
        append(bigEndian: digest.words.third)
        append(bigEndian: digest.words.fourth)
    }
}
