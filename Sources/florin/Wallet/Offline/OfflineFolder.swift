internal import Glibc
internal import OfflineProtocol
internal import Values

/// Where this terminal keeps its offline wallets: a file for each currency, that only its owner can
/// read and only one process at a time may open.
///
/// A file is never changed, only replaced as a whole, and what it says is on the disk before
/// anything that follows from it is shown or sent. So a wallet that is killed at any moment, or
/// whose machine loses its power, is found as it was before a step or after it.
struct OfflineFolder: Sendable {
    static let fileBytesMax = 8 << 20
    private static let ending = ".wallet"

    let path: String

    /// `FLORIN_OFFLINE`, else beside the log-in.
    init(environment: [String: String], beside logIn: String) {
        if let path = environment["FLORIN_OFFLINE"], !path.isEmpty {
            self.path = path
        } else {
            let folder = logIn.lastIndex(of: "/").map { String(logIn[..<$0]) } ?? "."
            path = folder + "/offline"
        }
    }

    private func file(_ currency: Currency) -> String { "\(path)/\(currency)\(Self.ending)" }

    /// Of the wallets that are here.
    var currencies: [Currency] {
        Currency.codes.compactMap { Currency($0) }
            .filter { unsafe access(file($0), F_OK) == 0 }
    }

    /// Runs `body` while no other process has the wallet of this currency.
    func locked<Value>(
        _ currency: Currency, _ body: () async throws -> Value
    ) async throws -> Value {
        try makeFolders()
        do {
            return try await FileLock.holding(file(currency) + ".lock", body)
        } catch let failure as FileLock.Failure {
            throw failure.isTaken
                ? WalletFailure.refused("Another terminal is using this wallet just now.")
                : self.failure(path, "cannot be locked", failure.errno)
        }
    }

    // MARK: The file

    /// Nil when there is no wallet of this currency.
    func load(_ currency: Currency) throws(WalletFailure) -> KeptWallet? {
        let path = file(currency)
        let file = unsafe open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW)
        guard file >= 0 else {
            if errno == ENOENT { return nil }
            throw failure(path, "cannot be read", errno)
        }
        defer { close(file) }
        var facts = stat()
        guard unsafe fstat(file, &facts) == 0, facts.st_mode & 0o077 == 0 else {
            throw .refused("Others can read \(path); run: chmod 600 \(path)")
        }
        guard facts.st_size <= Self.fileBytesMax,
            let kept = KeptWallet(decoding: Self.read(file, Int(facts.st_size)))
        else {
            throw .refused(
                "\(path) is damaged. Do not put an older copy in its place: it would spend again "
                    + "what was spent. `florin wallet offline recover` begins anew; what is left "
                    + "comes back by itself.")
        }
        return kept
    }

    private static func read(_ file: Int32, _ size: Int) -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: size)
        var count = 0
        while count < size {
            let more = unsafe bytes.withUnsafeMutableBytes {
                unsafe pread(file, $0.baseAddress! + count, size - count, off_t(count))
            }
            guard more > 0 || (more < 0 && errno == EINTR) else { break }
            count += max(0, more)
        }
        return Array(bytes.prefix(count))
    }

    func save(_ kept: KeptWallet) throws {
        try AtomicFile.write(kept.encoded, to: file(kept.currency))
    }

    /// Takes a wallet out of use, and keeps its file for whoever wants to look into it.
    /// - Returns: where it is now.
    func setAside(_ currency: Currency, _ name: String) throws(WalletFailure) -> String {
        let aside = "\(path)/\(currency)-\(name).ended"
        guard unsafe rename(file(currency), aside) == 0 || errno == ENOENT else {
            throw failure(file(currency), "cannot be moved", errno)
        }
        return aside
    }

    private func makeFolders() throws(WalletFailure) {
        var folder = path.hasPrefix("/") ? "" : "."
        for part in path.split(separator: "/") {
            folder += "/" + part
            guard unsafe mkdir(folder, 0o700) == 0 || errno == EEXIST else {
                throw failure(folder, "cannot be made", errno)
            }
        }
        var facts = stat()
        guard unsafe stat(path, &facts) == 0, facts.st_mode & 0o077 == 0 else {
            throw .refused("Others can look into \(path); run: chmod 700 \(path)")
        }
    }

    private func failure(_ path: String, _ what: String, _ errno: Int32) -> WalletFailure {
        .refused("\(path) \(what): \(unsafe String(cString: strerror(errno)))")
    }
}
