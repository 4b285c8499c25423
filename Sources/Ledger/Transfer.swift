package import Values

/// The place of a transfer in the journal: 1 for the first, without gaps.
package struct TransferID: Sendable, Hashable, Comparable {
    package let number: Int64

    package init(_ number: Int64) {
        self.number = number
    }

    package static func < (left: TransferID, right: TransferID) -> Bool {
        left.number < right.number
    }
}

/// What a line of the journal does.
package enum TransferKind: Int16, Sendable {
    /// Moves posted money from debit to credit.
    case post = 1
    /// Reserves money of the debit account for the credit account.
    case hold = 2
    /// Ends a hold by moving all or part of it; what is not moved becomes available again.
    case capture = 3
    /// Ends a hold by a person's decision; everything becomes available again.
    case void = 4
    /// Ends a hold because its time is over.
    case expiry = 5
    /// Moves a transfer's amount back the way it came.
    case reversal = 6

    package var name: String {
        switch self {
        case .post: "transfer"
        case .hold: "hold"
        case .capture: "capture"
        case .void: "void"
        case .expiry: "expiry"
        case .reversal: "reversal"
        }
    }

    /// Whether this line moves posted money.
    package var movesMoney: Bool {
        switch self {
        case .post, .capture, .reversal: true
        case .hold, .void, .expiry: false
        }
    }
}

/// Why money moves, in the words of the slice that moves it. Stored as a small integer for ever.
package struct TransferCode: Sendable, Hashable, RawRepresentable {
    package let rawValue: Int16

    package init(rawValue: Int16) {
        self.rawValue = rawValue
    }
}

/// One line of the journal: a debit, a credit, one positive amount, and what both accounts held
/// afterwards.
///
/// Balanced by construction: nothing else can change a balance. Lines are never changed or removed.
package struct Transfer: Sendable, Equatable {
    package let id: TransferID
    package let at: Timestamp
    package let kind: TransferKind
    package let code: TransferCode
    package let debit: AccountID
    package let credit: AccountID
    /// Minor units, positive. For a void or an expiry: what the hold had reserved.
    package let amount: Int64
    package let debitAfter: Balance
    package let creditAfter: Balance
    /// The transfers before this one in the debit and in the credit account's own history; 0 for
    /// none.
    package let debitPrevious: Int64
    package let creditPrevious: Int64
    package let key: CommandKey?
    /// How many linked lines the command wrote, on its first line; on the others 0, or −1 where the
    /// server worked the movement out itself.
    package let legs: Int16
    /// Whether it counts towards the debit account's limits.
    package let isLimited: Bool
    /// The hold that this line ends, or the transfer that it reverses.
    package let settles: TransferID?
    package let expiresAt: Timestamp?

    package func balance(of account: AccountID) -> Balance {
        account == debit ? debitAfter : creditAfter
    }

    /// Whether a retry of its command may come without this line, or with another amount.
    var isDerived: Bool { legs < 0 }

    func previous(of account: AccountID) -> Int64 {
        account == debit ? debitPrevious : creditPrevious
    }

    /// The id that the world sees: a UUID version 7 made of this line's moment and place.
    package var publicID: ID<Transfer> {
        let milliseconds = UInt64(at.microseconds / 1000)
        let fraction = UInt64(at.microseconds % 1000)
        return ID(
            high: milliseconds << 16 | 0x7000 | fraction,
            low: 0x8000_0000_0000_0000 | UInt64(id.number))
    }
}

extension ID where Owner == Transfer {
    /// The place in the journal that this id claims. Whether the claim is true, the line itself
    /// tells.
    var claimedPlace: TransferID { TransferID(Int64(low & 0x3FFF_FFFF_FFFF_FFFF)) }
}
