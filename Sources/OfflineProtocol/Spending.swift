/// Every reason a payer's device refuses to pay, in the order of checking (P2 to P9).
package enum SpendRefusal: Error, Equatable, CaseIterable, Sendable {
    case issuerUnknown
    case algorithmUnknown
    case currencyDiffers
    case certificateForged
    case payeeExpired
    case payeeRevoked
    case requestForged
    case nameNotAttested
    case payeeIsPayer
    case requestAlreadyPaid
    case amountMustBePositive
    case amountDiffers
    case amountAboveTransferLimit
    case sentTotalAboveLimit
    case counterAboveLimit
    case certificateExpiresSoon
    case receiveOnly
    case insufficientFunds
    /// Enough is there, but in more pieces than one payment may draw on.
    case tooManySources
}

/// Value that a device may spend: its own escrow, or a record that it received.
package struct Source: Equatable, Sendable {
    /// `ObjectID.none` for the own escrow.
    package let id: ObjectID
    /// Minor units that are left.
    package let available: UInt32
    package let drawn: UInt32
    /// What the next record that draws on it carries.
    package let hop: UInt8
    /// When nobody takes it any more.
    package let valueExpiry: UInt32

    package init(
        id: ObjectID, available: UInt32, drawn: UInt32, hop: UInt8, valueExpiry: UInt32
    ) {
        self.id = id
        self.available = available
        self.drawn = drawn
        self.hop = hop
        self.valueExpiry = valueExpiry
    }
}

/// How a payment is put together: which source gives how much.
package struct SpendPlan: Equatable, Sendable {
    package struct Part: Equatable, Sendable {
        package let source: Source
        package let amount: UInt32
    }

    package let parts: [Part]

    /// The fewest records first, then the value that expires first: what would be lost soonest is
    /// spent soonest. One of the plans with the fewest records is found by whether the largest of
    /// the others can make up the rest.
    package init(
        _ amount: UInt32, from sources: [Source], partsMax: Int
    ) throws(SpendRefusal) {
        let usable = sources.filter { $0.available > 0 }
            .inOrder { ($0.valueExpiry, $0.id) < ($1.valueExpiry, $1.id) }
        let largest = usable.map { UInt64($0.available) }.inOrder { $0 > $1 }
        guard largest.reduce(0, +) >= UInt64(amount) else { throw .insufficientFunds }
        guard let count = Self.fewest(largest, amount), count <= partsMax
        else { throw .tooManySources }

        var parts: [Part] = []
        var rest = amount
        for (index, source) in usable.enumerated() where parts.count < count {
            let others = usable[(index + 1)...].map { UInt64($0.available) }.inOrder { $0 > $1 }
            let possible = others.prefix(count - parts.count - 1).reduce(0, +)
            guard UInt64(source.available) + possible >= UInt64(rest) else { continue }
            let part = min(source.available, rest)
            parts.append(Part(source: source, amount: part))
            rest -= part
        }
        self.parts = parts
    }

    private static func fewest(_ largest: [UInt64], _ amount: UInt32) -> Int? {
        var sum: UInt64 = 0
        for (index, available) in largest.enumerated() {
            sum += available
            if sum >= UInt64(amount) { return index + 1 }
        }
        return nil
    }
}

extension Array {
    /// Sorts by insertion: a device has few sources, and the library's way to sort is larger than
    /// the rules of payment.
    func inOrder(_ precedes: (Element, Element) -> Bool) -> [Element] {
        var sorted: [Element] = []
        for element in self {
            let place = sorted.firstIndex { precedes(element, $0) } ?? sorted.count
            sorted.insert(element, at: place)
        }
        return sorted
    }
}

/// What a payer checks of a request before a person is asked: P2 to P6.
enum RequestJudgement {
    static func check(
        _ request: OfflineRequest, by wallet: OfflineWallet, in world: WorldView,
        _ verify: Verify
    ) throws(SpendRefusal) {
        let payee = request.payee
        guard let key = world.issuerKey(of: payee) else { throw .issuerUnknown }
        guard payee.algorithm == Certificate.algorithmES256 else { throw .algorithmUnknown }
        guard payee.currency == wallet.certificate.currency else { throw .currencyDiffers }
        guard verify(payee.check(by: key)) else { throw .certificateForged }
        guard world.now <= payee.expiresAt else { throw .payeeExpired }
        guard !world.isRevoked(payee.wallet) else { throw .payeeRevoked }
        guard verify(request.check(by: payee.publicKey)) else { throw .requestForged }
        let tag = Certificate.nameTag(salt: request.nameSalt, name: request.name)
        guard tag == payee.nameTag else { throw .nameNotAttested }
        guard payee.wallet != wallet.id else { throw .payeeIsPayer }
        guard !wallet.hasPaid(request.id) else { throw .requestAlreadyPaid }
    }
}
