import CSodium

/// Bytes that exist once and are wiped when their owner goes.
///
/// Sendable because the bytes never change between `init` and `deinit`.
@safe package struct Secret: ~Copyable, @unchecked Sendable {
    private let storage: UnsafeMutableRawBufferPointer

    /// Copies the bytes; the array given keeps its own copy, which is the caller's to drop.
    package init(_ bytes: [UInt8]) {
        unsafe storage = .allocate(byteCount: bytes.count, alignment: 16)
        unsafe storage.copyBytes(from: bytes)
    }

    deinit {
        guard let base = unsafe storage.baseAddress else { return }
        unsafe sodium_memzero(base, storage.count)
        unsafe storage.deallocate()
    }

    package var count: Int { unsafe storage.count }

    /// In constant time for secrets of one length.
    package func equals(_ bytes: [UInt8]) -> Bool {
        guard let base = unsafe storage.baseAddress, bytes.count == count else {
            return bytes.isEmpty && count == 0
        }
        return unsafe sodium_memcmp(base, bytes, count) == 0
    }

    /// Lends the bytes for the duration of `body`; the pointer must not outlive it.
    package func withUnsafeBytes<Result>(
        _ body: (UnsafeRawBufferPointer) throws -> Result
    ) rethrows -> Result {
        unsafe try body(UnsafeRawBufferPointer(storage))
    }
}
