internal import Cryptography
internal import FlorinClient
internal import Offline
internal import OfflineProtocol
internal import Values

/// A wallet in this terminal's hands: locked, loaded, and stored after each step.
struct OfflinePurse {
    let session: WalletSession
    let folder: OfflineFolder
    private(set) var kept: KeptWallet
    private(set) var device: OfflineDevice

    init(_ session: WalletSession, _ folder: OfflineFolder, _ kept: KeptWallet)
        throws(WalletFailure)
    {
        guard let device = kept.device else {
            throw .refused(
                "The server has not answered yet; run `florin wallet offline enrol "
                    + "\(kept.currency)` again.")
        }
        self.session = session
        self.folder = folder
        self.kept = kept
        self.device = device
    }

    var wallet: OfflineWallet { device.wallet }
    var currency: Currency { kept.currency }

    /// The machine's clock, or a later moment that the issuer has signed.
    var clock: UInt32 { wallet.now(Clock().now.wholeSeconds) }

    func money(_ amount: some BinaryInteger) -> String {
        WalletText.money(Int64(clamping: amount), currency.code)
    }

    /// Changes the device, and has stored it when this returns: only then may anything of it be
    /// shown or sent.
    mutating func step<Value>(
        _ change: (inout OfflineDevice) throws -> Value
    ) throws -> Value {
        var next = device
        let value = try change(&next)
        if next != device {
            kept.device = next
            try folder.save(kept)
            device = next
        }
        return value
    }

    /// The key of a top-up, stored before it is sent: an attempt whose answer was lost and the
    /// next one of the same amount are one.
    mutating func beginTopUp(_ amount: Int64) throws -> String {
        if let begun = kept.topUp, begun.amount == amount { return begun.key }
        let begun = KeptWallet.TopUp(amount: amount, key: WalletClient.makeKey())
        kept.topUp = begun
        try folder.save(kept)
        return begun.key
    }

    /// What became of it is known now.
    mutating func endTopUp() throws {
        guard kept.topUp != nil else { return }
        kept.topUp = nil
        try folder.save(kept)
    }

    // MARK: The key

    func unlock() throws -> SigningKey {
        let pin = try session.offlinePin()
        do { return try kept.open(pin: pin) } catch PinSealed.Failure.pinIncorrect {
            throw WalletFailure.refused("The PIN is not right.")
        }
    }

    /// Whether the program was ended between reserving records and signing them.
    var isInterrupted: Bool { wallet.outbox.contains { $0.state == .reserved } }

    var isDepositInterrupted: Bool {
        wallet.outbox.contains { $0.state == .reserved && $0.isToIssuer }
    }

    /// Signs whatever was reserved and not signed: this payment's records, or those of one that was
    /// interrupted. Exactly the stored bodies are signed, so no counter is ever used twice.
    mutating func signReserved(_ key: SigningKey) throws {
        for outgoing in wallet.outbox where outgoing.state == .reserved {
            let signatures = outgoing.records.map { key.sign($0.message) }
            try step { device in
                try device.sign(outgoing.request, signatures, OfflineSignature.isGood)
            }
        }
    }
}

/// Verification for the rules of the protocol, by OpenSSL.
enum OfflineSignature {
    static func isGood(_ check: SignatureCheck) -> Bool {
        guard let point = CurvePoint.uncompressed(check.publicKey) else { return false }
        do {
            return try VerifyingKey(x963: point)
                .isValid(signature: check.signature, for: check.message)
        } catch { return false }
    }
}

extension Timestamp {
    /// As the protocol counts time.
    var wholeSeconds: UInt32 { UInt32(clamping: microseconds / 1_000_000) }
}

// MARK: Opening

extension WalletSession {
    var offlineFolder: OfflineFolder {
        OfflineFolder(environment: environment, beside: file.path)
    }

    /// The currency that was named, else that of the only wallet here.
    func offlineCurrency() throws -> Currency {
        if let text = arguments.option("currency") { return try Self.currency(text) }
        let currencies = offlineFolder.currencies
        guard currencies.count == 1 else {
            guard currencies.isEmpty else {
                let choice = currencies.map(\.code).joined(separator: ", ")
                throw Arguments.Misunderstood(reason: "say which: --currency, of \(choice)")
            }
            throw WalletFailure.refused(
                "This terminal has no offline wallet: florin wallet offline enrol CURRENCY")
        }
        return currencies[0]
    }

    /// Opens a wallet for as long as `body` takes.
    func withPurse<Value>(
        _ currency: Currency? = nil, _ body: (inout OfflinePurse) async throws -> Value
    ) async throws -> Value {
        let (folder, currency) = (offlineFolder, try currency ?? offlineCurrency())
        return try await folder.locked(currency) {
            guard let kept = try folder.load(currency) else {
                throw WalletFailure.refused(
                    "This terminal has no offline wallet of \(currency): "
                        + "florin wallet offline enrol \(currency)")
            }
            var purse = try OfflinePurse(self, folder, kept)
            return try await body(&purse)
        }
    }

    /// A client that is logged in as the owner of the wallet, where it was enrolled.
    func client(for kept: KeptWallet) throws -> WalletClient {
        if let logIn = try file.load(),
            (logIn.server, logIn.username) != (kept.server, kept.username)
        {
            throw WalletFailure.refused(
                "This offline wallet is \(Terminal.clean(kept.username))'s, on \(kept.server); "
                    + "log in there as that person.")
        }
        return try client()
    }
}
