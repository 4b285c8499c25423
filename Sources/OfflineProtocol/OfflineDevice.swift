/// All that a device keeps of one wallet besides its key: the wallet, and what it was told of the
/// world when it was last online.
///
/// A device stores the whole value as one row at each step, before it shows or sends anything of
/// it; see `OfflineWallet`.
package struct OfflineDevice: Equatable, Sendable {
    package internal(set) var wallet: OfflineWallet
    /// The root that vouched for the issuer's keys when the wallet was enrolled. No other one is
    /// believed later.
    package let root: [UInt8]
    package internal(set) var issuerKeys: IssuerKeyList
    package internal(set) var revocations: RevocationList?
    package internal(set) var proofs: [FraudProof] = []
    /// Proofs that this device found, and that the server has not seen yet.
    package internal(set) var proofsFound: [FraudProof] = []
    /// The name in the certificate and the salt that shows it.
    package internal(set) var name: [UInt8]
    package internal(set) var nameSalt: ObjectID
    /// What this wallet has asked for and what it has paid: names and memos of the history.
    package internal(set) var requests: [OfflineRequest] = []

    /// How much of each kind is kept; the oldest that is over and done with goes first.
    static let (outgoingMax, receivedMax, seenMax, proofsMax) = (200, 200, 1_000, 200)
    static let (requestsMax, outstandingMax) = (400, 50)

    /// What the server gives a device that enrols.
    package init(
        _ certificate: Certificate, keys: IssuerKeyList, root: [UInt8], name: [UInt8],
        nameSalt: ObjectID, _ verify: Verify
    ) throws(NewsRefusal) {
        wallet = OfflineWallet(certificate)
        self.root = root
        issuerKeys = keys
        self.name = name
        self.nameSalt = nameSalt
        guard verify(keys.check(by: root)) else { throw .keysForged }
        try check(certificate, verify)
        guard Certificate.nameTag(salt: nameSalt, name: name) == certificate.nameTag
        else { throw .nameDiffers }
    }

    init(
        _ wallet: OfflineWallet, keys: IssuerKeyList, root: [UInt8], name: [UInt8],
        nameSalt: ObjectID
    ) {
        self.wallet = wallet
        self.root = root
        issuerKeys = keys
        self.name = name
        self.nameSalt = nameSalt
    }

    package func world(_ clock: UInt32) -> WorldView {
        WorldView(
            issuerKeys: issuerKeys.keys, revocations: revocations,
            cheats: (proofs + proofsFound).map { $0.first.payer }, now: wallet.now(clock))
    }
}

// MARK: Asking and paying

extension OfflineDevice {
    /// Makes a request that is yet to be signed, and notes it.
    package mutating func ask(
        _ amount: UInt32, memo: [UInt8], nonce: UInt64, clock: UInt32
    ) -> OfflineRequest {
        let request = OfflineRequest(
            payee: wallet.certificate, amount: amount, time: clock, nonce: nonce,
            nameSalt: nameSalt, name: name, memo: memo)
        wallet.ask(request)
        requests.append(request)
        return request
    }

    /// Keeps the signature of a request, so that it is shown again as it was.
    package mutating func seal(
        _ request: ObjectID, _ signature: [UInt8], _ verify: Verify
    ) throws(StepRefusal) -> OfflineRequest {
        guard let index = requests.firstIndex(where: { $0.id == request })
        else { throw .paymentUnknown }
        guard signature.count == SignatureCheck.signatureBytes else { throw .signatureForged }
        let sealed = requests[index].signed(signature)
        guard verify(sealed.check(by: wallet.certificate.publicKey))
        else { throw .signatureForged }
        requests[index] = sealed
        return sealed
    }

    /// P2 to P6: what a payer is shown before the question whether to pay.
    package func judge(
        _ request: OfflineRequest, clock: UInt32, _ verify: Verify
    ) throws(SpendRefusal) {
        try RequestJudgement.check(request, by: wallet, in: world(clock), verify)
    }

    /// P2 to P10. The records are to be stored, then signed.
    package mutating func pay(
        _ request: OfflineRequest, amount: UInt32, clock: UInt32, _ verify: Verify
    ) throws(SpendRefusal) -> OfflineWallet.Outgoing {
        let outgoing = try wallet.reserve(
            request, amount: amount, clock: clock, in: world(clock), verify)
        requests.append(request)
        return outgoing
    }

    /// The certificate by which a payee's word on a payment is checked.
    package mutating func acknowledge(
        _ acknowledgement: Acknowledgement, _ verify: Verify
    ) throws(StepRefusal) {
        guard let request = requests.last(where: { $0.payee.wallet == acknowledgement.payee })
        else { throw .paymentUnknown }
        try wallet.acknowledge(acknowledgement, of: request.payee, verify)
    }
}

// MARK: Receiving

extension OfflineDevice {
    /// V2 to V13. A payment that proves a fraud is refused, and the proof kept.
    package mutating func accept(
        _ payment: OfflinePayment, amountMax: UInt32, clock: UInt32, _ verify: Verify
    ) throws(PaymentRefusal) -> Acceptance {
        do throws(PaymentRefusal) {
            return try wallet.accept(payment, amountMax: amountMax, in: world(clock), verify)
        } catch {
            if case .conflicts(let proof) = error, !proofsFound.contains(proof) {
                proofsFound.append(proof)
            }
            throw error
        }
    }

    /// The payee's word that the records of a payment arrived, yet to be signed.
    package func acknowledgement(of request: ObjectID, clock: UInt32) -> Acknowledgement? {
        let paid = wallet.received.filter { $0.record.request == request }
        guard !paid.isEmpty else { return nil }
        return Acknowledgement(
            payee: wallet.id, time: clock, records: paid.map { $0.record.id })
    }

    /// Takes a proof that somebody showed: from now on that wallet is refused.
    package mutating func take(
        _ proof: FraudProof, _ verify: Verify
    ) throws(PaymentRefusal) {
        guard let key = world(0).issuerKey(of: proof.certificate) else { throw .issuerUnknown }
        guard proof.holds(issuerKey: key, verify) else { throw .recordForged }
        if !(proofs + proofsFound).contains(proof) { proofsFound.append(proof) }
    }
}

// MARK: Being online

/// Why a device does not believe what a server told it.
package enum NewsRefusal: Error, Equatable, CaseIterable, Sendable {
    case keysForged
    case issuerUnknown
    case certificateForged
    case certificateOfAnother
    case nameDiffers
    case revocationsForged
}

extension OfflineDevice {
    /// What a server answers to an upload.
    package struct News {
        package var serverTime: UInt32
        package var keys: IssuerKeyList?
        package var certificate: Certificate?
        package var revocations: RevocationList?
        package var proofs: [FraudProof] = []
        /// Records that pay this wallet and that somebody else has shown.
        package var incoming: [SpendRecord] = []
        package var receipts: [OfflineReceipt] = []

        package init(serverTime: UInt32) { self.serverTime = serverTime }
    }

    /// What the server may not know yet, each record once.
    package var unsettled: [[UInt8]] {
        var records: [SpendRecord] = []
        for each in wallet.received where !each.isSettled { records += each.path }
        for outgoing in wallet.outbox
        where outgoing.state != .settled && outgoing.state != .reserved {
            records += outgoing.records
        }
        var ids: [ObjectID] = []
        var objects: [[UInt8]] = []
        for record in records where !ids.contains(record.id) {
            ids.append(record.id)
            objects.append(record.encoded)
        }
        return objects + proofsFound.map { $0.encoded }
    }

    /// Takes in what the server said, all of it or nothing. A proof or a receipt that does not hold
    /// is passed over: each is evidence that stands for itself.
    package mutating func learn(_ news: News, _ verify: Verify) throws(NewsRefusal) {
        var next = self
        if let keys = news.keys {
            guard verify(keys.check(by: root)) else { throw .keysForged }
            if keys.issuedAt >= next.issuerKeys.issuedAt { next.issuerKeys = keys }
        }
        if let certificate = news.certificate {
            guard certificate.wallet == wallet.id,
                certificate.publicKey == wallet.certificate.publicKey
            else { throw .certificateOfAnother }
            try next.check(certificate, verify)
            next.wallet.renew(certificate)
        }
        if let list = news.revocations { try next.take(list, verify) }
        next.take(news.proofs, news.receipts, verify)
        for record in news.incoming { next.wallet.take(record) }
        next.wallet.timeKnown = max(next.wallet.timeKnown, news.serverTime)
        next.forget()
        self = next
    }

    // MARK: Steps

    private func check(_ certificate: Certificate, _ verify: Verify) throws(NewsRefusal) {
        guard let key = world(0).issuerKey(of: certificate) else { throw .issuerUnknown }
        guard verify(certificate.check(by: key)) else { throw .certificateForged }
    }

    private mutating func take(
        _ list: RevocationList, _ verify: Verify
    ) throws(NewsRefusal) {
        guard let key = issuerKeys.keys.first(where: { $0.number == list.issuerKey })
        else { throw .issuerUnknown }
        guard verify(list.check(by: key.publicKey)) else { throw .revocationsForged }
        if list.issuedAt >= revocations?.issuedAt ?? 0 { revocations = list }
        wallet.timeKnown = max(wallet.timeKnown, list.issuedAt)
    }

    private mutating func take(
        _ others: [FraudProof], _ receipts: [OfflineReceipt], _ verify: Verify
    ) {
        for proof in proofsFound where !proofs.contains(proof) { proofs.append(proof) }
        proofsFound = []
        for proof in others where !proofs.contains(proof) {
            guard let key = world(0).issuerKey(of: proof.certificate),
                proof.holds(issuerKey: key, verify)
            else { continue }
            proofs.append(proof)
        }
        let good = receipts.filter { receipt in
            guard let key = issuerKeys.keys.first(where: { $0.number == receipt.issuerKey })
            else { return false }
            return verify(receipt.check(by: key.publicKey))
        }
        wallet.take(good)
    }

    /// Drops the oldest of what is over, so that no device grows without end.
    private mutating func forget() {
        wallet.forget(
            outgoingMax: Self.outgoingMax, receivedMax: Self.receivedMax,
            outstandingMax: Self.outstandingMax, seenMax: Self.seenMax)
        proofs.removeFirst(max(0, proofs.count - Self.proofsMax))
        requests.removeFirst(max(0, requests.count - Self.requestsMax))
    }
}
