internal import OfflineProtocol

/// The protocol's refusals in words for the person who holds the terminal.
enum OfflineWords {
    static func sentence(_ refusal: SpendRefusal) -> String {
        switch refusal {
        case .issuerUnknown:
            "Whoever asks has a certificate of an issuer that this wallet does not know; be online "
                + "once: florin wallet offline sync."
        case .algorithmUnknown: "Whoever asks has a key of a kind that this program does not know."
        case .currencyDiffers: "This is asked for in another currency."
        case .certificateForged: "The certificate of whoever asks is forged."
        case .payeeExpired: "The certificate of whoever asks is over; they have to be online first."
        case .payeeRevoked: "The wallet of whoever asks was reported lost or has cheated."
        case .requestForged: "The request is forged: it is not signed by the wallet it names."
        case .nameNotAttested: "The name in the request is not the one that the issuer knows."
        case .payeeIsPayer: "This is your own request."
        case .requestAlreadyPaid: "This request is paid already."
        case .amountMustBePositive: "Say how much: --amount."
        case .amountDiffers: "The request asks for another amount."
        case .amountAboveTransferLimit: "That is more than one payment may have."
        case .sentTotalAboveLimit:
            "That is more than this wallet may send before it is online again: "
                + "florin wallet offline sync."
        case .counterAboveLimit:
            "This wallet has made as many payments as it may before it is online again: "
                + "florin wallet offline sync."
        case .certificateExpiresSoon:
            "This wallet's certificate is over or nearly so; be online first: "
                + "florin wallet offline sync."
        case .receiveOnly: "This wallet only receives."
        case .insufficientFunds: "There is not so much in the offline wallet."
        case .tooManySources:
            "There is enough, but in too many pieces; pay less at once, or be online first."
        }
    }

    static func sentence(_ refusal: PaymentRefusal) -> String {
        switch refusal {
        case .issuerUnknown:
            "Somebody who paid has a certificate of an issuer that this wallet does not know; be "
                + "online once: florin wallet offline sync."
        case .algorithmUnknown: "Somebody who paid has a key of an unknown kind."
        case .currencyDiffers: "This is money of another currency."
        case .certificateForged: "A certificate in the payment is forged."
        case .expiresTooSoon: "This money is over: a certificate on its way here has expired."
        case .payerRevoked: "A wallet on its way here was reported lost or has cheated."
        case .recordForged: "A signature in the payment is forged."
        case .amountAboveTransferLimit: "A payment on its way here was above its payer's limit."
        case .counterAboveLimit: "A wallet on its way here made more payments than it may."
        case .sentTotalAboveLimit: "A wallet on its way here has sent more than it may."
        case .hopInvalid: "The payment counts its hops wrongly."
        case .sourceSpentAboveLimit: "The payer has spent more than was locked for it."
        case .sourceNotThePayers: "The payer spends money that is not shown to be theirs."
        case .sourceOverdrawn: "The payer spends more of what they received than it was."
        case .tooManyHops: "This money has passed through as many hands as it may."
        case .notForMe: "This payment is for somebody else."
        case .requestUnknown: "This wallet has not asked for this payment, or has it already."
        case .sumDiffers: "The payment is not the amount that was asked for."
        case .conflicts:
            "DOUBLE SPENDING: this payment conflicts with another one that this wallet has seen. "
                + "The proof is kept and goes to the server at the next sync; show it to others "
                + "with `florin wallet offline show proof`."
        case .abovePolicy: "That is more than was to be taken."
        case .datedAfterExpiry: "A payment on its way here is dated after its payer's certificate."
        }
    }

    static func sentence(_ refusal: StepRefusal) -> String {
        switch refusal {
        case .paymentUnknown: "This wallet knows no such payment."
        case .stepOutOfOrder: "The payment is not where this could be done with it."
        case .signatureForged: "The signature is forged."
        }
    }

    static func sentence(_ refusal: NewsRefusal) -> String {
        switch refusal {
        case .keysForged: "The server's keys are not signed by the root that this wallet trusts."
        case .issuerUnknown: "The server's certificate is signed by a key that its root denies."
        case .certificateForged: "The server's certificate is forged."
        case .certificateOfAnother: "The server's certificate is of another wallet."
        case .nameDiffers: "The server's certificate is in another name."
        case .revocationsForged: "The server's list of revocations is forged."
        }
    }

    static func sentence(_ fault: DecodingFault) -> String {
        switch fault {
        case .unknownType: "This is no text of an offline payment; it begins with OF: or OM:."
        case .alphabet, .notCanonical, .wrongLength:
            "A part of the text is missing or was changed on the way; read it once more."
        case .textInvalid: "A name or memo in it has characters that could deceive."
        default: "It is damaged or no honest program made it (\(fault.name))."
        }
    }

    static func state(_ state: OfflineWallet.State) -> String {
        switch state {
        case .reserved: "begun"
        case .signed: "signed"
        case .shown: "shown"
        case .acknowledged: "arrived"
        case .undelivered: "not taken"
        case .settled: "settled"
        }
    }
}

extension OfflinePurse {
    /// A step of the protocol, whose refusal becomes a sentence with its name.
    mutating func named<Value>(
        _ change: (inout OfflineDevice) throws -> Value
    ) throws -> Value {
        do { return try step(change) } catch { throw Self.named(error) }
    }

    static func named(_ error: any Error) -> any Error {
        switch error {
        case let refusal as SpendRefusal:
            WalletFailure.named("offline_\(refusal.name)", OfflineWords.sentence(refusal))
        case let refusal as PaymentRefusal:
            WalletFailure.named("offline_\(refusal.name)", OfflineWords.sentence(refusal))
        case let refusal as StepRefusal:
            WalletFailure.named("offline_\(refusal.name)", OfflineWords.sentence(refusal))
        case let refusal as NewsRefusal:
            WalletFailure.named("offline_\(refusal.name)", OfflineWords.sentence(refusal))
        default: error
        }
    }
}
