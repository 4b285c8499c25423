/// What a device believes about the world while it is offline.
package struct WorldView: Sendable {
    /// Keys of the issuer, by number.
    package var issuerKeys: [IssuerKey]
    package var revocations: RevocationList?
    /// Wallets of which this device holds a proof of fraud.
    package var cheats: [WalletID]
    /// The latest of the device's clock, the server's last word, and every moment that an issuer
    /// has signed: a clock that was turned back revives nothing.
    package var now: UInt32

    package init(
        issuerKeys: [IssuerKey], revocations: RevocationList?, cheats: [WalletID], now: UInt32
    ) {
        self.issuerKeys = issuerKeys
        self.revocations = revocations
        self.cheats = cheats
        self.now = now
    }

    func isRevoked(_ wallet: WalletID) -> Bool {
        cheats.contains(wallet) || revocations?.contains(wallet) ?? false
    }

    /// The key that is to have signed the certificate, if it is known and was in use then.
    func issuerKey(of certificate: Certificate) -> [UInt8]? {
        issuerKeys.first { key in
            key.number == certificate.issuerKey && key.notBefore <= certificate.issuedAt
                && certificate.issuedAt <= key.notAfter
        }?.publicKey
    }
}

/// One of the issuer's keys and the time in which it signs.
package struct IssuerKey: Equatable, Sendable {
    package let number: UInt8
    package let publicKey: [UInt8]
    package let notBefore: UInt32
    package let notAfter: UInt32

    package init(number: UInt8, publicKey: [UInt8], notBefore: UInt32, notAfter: UInt32) {
        self.number = number
        self.publicKey = publicKey
        self.notBefore = notBefore
        self.notAfter = notAfter
    }
}

/// Every reason a payee's device refuses a payment, in the order of checking (V2 to V13).
package enum PaymentRefusal: Error, Equatable, Sendable {
    case issuerUnknown
    case algorithmUnknown
    case currencyDiffers
    case certificateForged
    case expiresTooSoon
    case payerRevoked(WalletID)
    case recordForged
    case amountAboveTransferLimit
    case counterAboveLimit
    case sentTotalAboveLimit
    case hopInvalid
    case sourceSpentAboveLimit
    case sourceNotThePayers
    case sourceOverdrawn
    case tooManyHops
    case notForMe
    case requestUnknown
    case sumDiffers
    case conflicts(FraudProof)
    case abovePolicy
    case datedAfterExpiry
}

/// Whether a payee takes a payment: V2 to V13 of the protocol. V1 is the decoder.
package struct Acceptance: Sendable {
    /// How long before the first signer's expiry a payment is no longer taken.
    package static let marginSeconds: UInt32 = 600

    /// What the payee's own device knows.
    package struct Payee: Sendable {
        package var wallet: WalletID
        package var currency: UInt16
        /// Requests that were shown and not yet paid: id, and minor units or 0 for any.
        package var outstanding: [(request: ObjectID, amount: UInt32)]
        /// Every record this device has ever seen and not yet forgotten.
        package var seen: [SpendRecord]
        /// Minor units beyond which nothing is taken at all.
        package var amountMax: UInt32

        package init(
            wallet: WalletID, currency: UInt16, outstanding: [(request: ObjectID, amount: UInt32)],
            seen: [SpendRecord], amountMax: UInt32
        ) {
            self.wallet = wallet
            self.currency = currency
            self.outstanding = outstanding
            self.seen = seen
            self.amountMax = amountMax
        }
    }

    /// Minor units.
    package let amount: UInt32
    /// What the issuer covers whatever the payers have done; less than `amount` is a warning.
    package let guaranteed: UInt32
    package let request: ObjectID
    /// When the first certificate on the path expires, and the value with it.
    package let valueExpiry: UInt32

    package init(
        of payment: OfflinePayment, by payee: Payee, in world: WorldView, _ verify: Verify
    ) throws(PaymentRefusal) {
        try Self.checkCertificates(payment, payee, world, verify)
        for record in payment.records {
            guard let signer = payment.certificate(of: record.payer),
                verify(record.check(by: signer.publicKey))
            else { throw .recordForged }
        }
        for record in payment.records {
            guard let signer = payment.certificate(of: record.payer) else { throw .recordForged }
            try Self.checkLimits(record, signer)
            try Self.checkSource(record, signer, payment)
        }
        (amount, request) = try Self.checkDestination(payment, payee)
        try Self.checkConflicts(payment, payee)
        guard amount <= payee.amountMax else { throw .abovePolicy }
        for record in payment.records {
            guard let signer = payment.certificate(of: record.payer),
                record.time <= signer.expiresAt
            else { throw .datedAfterExpiry }
        }
        guaranteed = payment.certificates.map { $0.guarantee }.min() ?? 0
        valueExpiry = payment.certificates.map { $0.expiresAt }.min() ?? 0
    }

    // MARK: Steps

    /// V2, V3, V4.
    private static func checkCertificates(
        _ payment: OfflinePayment, _ payee: Payee, _ world: WorldView, _ verify: Verify
    ) throws(PaymentRefusal) {
        for certificate in payment.certificates {
            guard let key = world.issuerKey(of: certificate) else { throw .issuerUnknown }
            guard certificate.algorithm == Certificate.algorithmES256
            else { throw .algorithmUnknown }
            guard certificate.currency == payee.currency else { throw .currencyDiffers }
            guard verify(certificate.check(by: key)) else { throw .certificateForged }
        }
        for certificate in payment.certificates {
            guard UInt64(world.now) + UInt64(marginSeconds) <= UInt64(certificate.expiresAt)
            else { throw .expiresTooSoon }
        }
        for certificate in payment.certificates where world.isRevoked(certificate.wallet) {
            throw .payerRevoked(certificate.wallet)
        }
    }

    /// V6.
    private static func checkLimits(
        _ record: SpendRecord, _ signer: Certificate
    ) throws(PaymentRefusal) {
        guard record.amount <= signer.perTransfer else { throw .amountAboveTransferLimit }
        guard record.counter <= signer.counterMax else { throw .counterAboveLimit }
        guard record.sentTotal <= signer.outLimit else { throw .sentTotalAboveLimit }
    }

    /// V7, V8, V9.
    private static func checkSource(
        _ record: SpendRecord, _ signer: Certificate, _ payment: OfflinePayment
    ) throws(PaymentRefusal) {
        guard !record.isOwn else {
            guard record.hop == 1 else { throw .hopInvalid }
            guard record.sourceSpent <= signer.ownLimit else { throw .sourceSpentAboveLimit }
            return try checkHops(record, [record], payment)
        }
        guard let source = payment.record(record.source), source.payee == record.payer
        else { throw .sourceNotThePayers }
        guard record.hop > 1, record.hop - 1 == source.hop else { throw .hopInvalid }
        guard record.sourceSpent <= source.amount else { throw .sourceOverdrawn }
        try checkHops(record, payment.path(to: record), payment)
    }

    private static func checkHops(
        _ record: SpendRecord, _ path: [SpendRecord], _ payment: OfflinePayment
    ) throws(PaymentRefusal) {
        for step in path {
            guard let signer = payment.certificate(of: step.payer), record.hop <= signer.hopsMax
            else { throw .tooManyHops }
        }
    }

    /// V10.
    private static func checkDestination(
        _ payment: OfflinePayment, _ payee: Payee
    ) throws(PaymentRefusal) -> (amount: UInt32, request: ObjectID) {
        var sum: UInt32 = 0
        for record in payment.final {
            guard record.payee == payee.wallet else { throw .notForMe }
            // Four amounts below 2³¹ may exceed 32 bits.
            let (next, overflow) = sum.addingReportingOverflow(record.amount)
            guard !overflow else { throw .sumDiffers }
            sum = next
        }
        let request = payment.records[payment.records.count - 1].request
        guard let asked = payee.outstanding.first(where: { $0.request == request })
        else { throw .requestUnknown }
        guard asked.amount == 0 || asked.amount == sum else { throw .sumDiffers }
        return (sum, request)
    }

    /// V11: each record against all that is known, and against the others of this payment.
    private static func checkConflicts(
        _ payment: OfflinePayment, _ payee: Payee
    ) throws(PaymentRefusal) {
        for (index, record) in payment.records.enumerated() {
            for other in payee.seen + payment.records[..<index] where other.payer == record.payer {
                guard let signer = payment.certificate(of: record.payer),
                    let proof = FraudProof(certificate: signer, record, other)
                else { continue }
                throw .conflicts(proof)
            }
        }
    }
}
