internal import OfflineProtocol
internal import Values

/// What an upload says, object by object.
struct Upload: Sendable {
    /// One thing that an object states. A payment states each of its records.
    enum Piece: Sendable {
        case record(SpendRecord)
        case acknowledgement(Acknowledgement)
        case decline(Decline)
        case certificate(Certificate)
    }

    /// What is known of a piece so far; rejected ones keep their place in the answer.
    struct Item: Sendable {
        let object: Int
        let id: ObjectID?
        let piece: Piece?
        var rejection: ObjectRejection?
    }

    var items: [Item] = []

    /// Objects in one upload. A payment has at most sixteen records, so no upload takes more than
    /// two thousand checks, about a tenth of a second.
    static let objectsMax = 128

    init(_ objects: [[UInt8]]) {
        for (index, bytes) in objects.enumerated() {
            do throws(DecodingFault) {
                let pieces = try Self.pieces(of: bytes)
                for piece in pieces {
                    items.append(Item(object: index, id: piece.id, piece: piece))
                }
            } catch {
                items.append(
                    Item(object: index, id: nil, piece: nil, rejection: .notAnObject))
            }
        }
    }

    var records: [SpendRecord] {
        items.compactMap { item in
            guard case .record(let record) = item.piece else { return nil }
            return record
        }
    }

    /// Every wallet that has to be known.
    var wallets: Set<WalletID> {
        var wallets: Set<WalletID> = []
        for item in items {
            switch item.piece {
            case .record(let record): wallets.formUnion([record.payer, record.payee])
            case .acknowledgement(let statement): wallets.insert(statement.payee)
            case .decline(let statement): wallets.insert(statement.payee)
            case .certificate(let certificate): wallets.insert(certificate.wallet)
            case nil: break
            }
        }
        return wallets
    }

    /// Strict: what has another type or another length is no object. Requests and receipts are
    /// objects, but there is nothing in them to settle.
    private static func pieces(of bytes: [UInt8]) throws(DecodingFault) -> [Piece] {
        switch ObjectType(rawValue: bytes.first ?? 0) {
        case .record: return [.record(try SpendRecord(decoding: bytes))]
        case .payment:
            let payment = try OfflinePayment(decoding: bytes)
            return payment.certificates.map { .certificate($0) }
                + payment.records.map { .record($0) }
        case .acknowledgement: return [.acknowledgement(try Acknowledgement(decoding: bytes))]
        case .decline: return [.decline(try Decline(decoding: bytes))]
        case .certificate: return [.certificate(try Certificate(decoding: bytes))]
        case .fraudProof:
            let proof = try FraudProof(decoding: bytes)
            return [.certificate(proof.certificate), .record(proof.first), .record(proof.second)]
        case .request, .receipt, .revocations, .issuerKeys, nil: throw .unknownType
        }
    }
}

extension Upload.Piece {
    /// Nil for what has none of its own.
    var id: ObjectID? {
        switch self {
        case .record(let record): record.id
        case .acknowledgement(let statement): statement.id
        case .decline(let statement): statement.id
        case .certificate(let certificate): certificate.id
        }
    }
}

// MARK: What is wrong with a piece

extension Upload {
    /// Refuses what needs no signature to be refused, in the order in which it is asked.
    mutating func judge(
        with wallets: [WalletID: DeviceWallet], _ issuers: [UInt8: [UInt8]]
    ) {
        for index in items.indices where items[index].rejection == nil {
            guard let piece = items[index].piece else { continue }
            items[index].rejection =
                switch piece {
                case .record(let record): Self.rejection(of: record, wallets)
                case .acknowledgement(let statement):
                    wallets[statement.payee] == nil ? .walletUnknown : nil
                case .decline(let statement):
                    wallets[statement.payee] == nil ? .walletUnknown : nil
                case .certificate(let certificate):
                    Self.rejection(of: certificate, wallets, issuers)
                }
        }
    }

    /// The signatures that are still to be checked, each with the place of its item.
    ///
    /// - Parameter issuers: public keys of the issuer, by number.
    func checks(
        with wallets: [WalletID: DeviceWallet], _ issuers: [UInt8: [UInt8]]
    ) -> [(place: Int, check: SignatureCheck)] {
        items.indices.compactMap { index in
            guard items[index].rejection == nil, let piece = items[index].piece else { return nil }
            let (signer, check): (WalletID, ([UInt8]) -> SignatureCheck)
            switch piece {
            case .record(let record): (signer, check) = (record.payer, record.check)
            case .acknowledgement(let statement):
                (signer, check) = (statement.payee, statement.check)
            case .decline(let statement): (signer, check) = (statement.payee, statement.check)
            case .certificate(let certificate):
                return issuers[certificate.issuerKey].map { (index, certificate.check(by: $0)) }
            }
            return wallets[signer].map { (index, check($0.publicKey)) }
        }
    }

    private static func rejection(
        of record: SpendRecord, _ wallets: [WalletID: DeviceWallet]
    ) -> ObjectRejection? {
        guard let payer = wallets[record.payer] else { return .walletUnknown }
        guard record.payee != record.payer else { return .payeeIsPayer }
        let isToIssuer = record.payee == .issuer
        if !isToIssuer {
            guard let payee = wallets[record.payee] else { return .payeeUnknown }
            guard payee.currency == payer.currency else { return .currencyDiffers }
        }
        if record.isOwn {
            guard record.hop == 1 else { return .hopInvalid }
            guard Int64(record.sourceSpent) <= payer.ownLimit else { return .limitsExceeded }
        } else {
            guard record.hop > 1 else { return .hopInvalid }
        }
        // No honest payee takes more than the newest certificate allows. What goes back to the
        // issuer is bound by the totals alone.
        guard Int64(record.sentTotal) <= payer.outLimit,
            Int64(record.counter) <= payer.counterMax,
            isToIssuer || Int64(record.amount) <= payer.perTransfer,
            isToIssuer || Int16(record.hop) <= payer.hopsMax
        else {
            return payer.isReceiveOnly && isToIssuer ? nil : .limitsExceeded
        }
        return nil
    }

    /// The key of a wallet never changes, so a certificate of another key is not of this issuer.
    private static func rejection(
        of certificate: Certificate, _ wallets: [WalletID: DeviceWallet],
        _ issuers: [UInt8: [UInt8]]
    ) -> ObjectRejection? {
        guard issuers[certificate.issuerKey] != nil, let wallet = wallets[certificate.wallet],
            wallet.publicKey == certificate.publicKey,
            wallet.currency.number == certificate.currency
        else { return .certificateForeign }
        return nil
    }
}
