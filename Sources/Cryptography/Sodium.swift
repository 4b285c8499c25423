import CSodium

/// libsodium wants one call before any other; a lazily initialised constant makes it once.
enum Sodium {
    private static let started: Bool = sodium_init() >= 0

    /// Stops the program when the machine has no source of randomness: nothing here is safe then.
    static func start() {
        precondition(started, "libsodium found no source of randomness")
    }

    /// An array that `fill` writes completely.
    static func bytes(
        _ count: Int, _ fill: (UnsafeMutablePointer<UInt8>) -> Void
    ) -> [UInt8] {
        start()
        return unsafe [UInt8](unsafeUninitializedCapacity: count) { buffer, initialized in
            guard let base = buffer.baseAddress else { return }
            unsafe fill(base)
            initialized = count
        }
    }
}
