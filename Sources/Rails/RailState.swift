/// Which way money goes.
package enum RailKind: String, Sendable, CaseIterable {
    case topUp = "top_up"
    case payout
}

/// Where a payment to or from the outside stands.
package enum RailState: String, Sendable, CaseIterable {
    /// Written down; nobody outside was asked.
    case created
    /// The money is reserved; nobody outside was asked.
    case held
    /// The provider is being asked to act, or has said that it will.
    case calling
    /// Nobody here knows whether the provider acted. It is asked again and again.
    case unknown
    /// Asking has not helped: a person decides.
    case review
    /// The provider acted, and the ledger says so.
    case settled
    /// The provider did not act and will not; what was reserved is free.
    case failed
    /// It was settled, and the money went back the way it came.
    case reversed
    /// It was settled, and the payer's bank took the money back.
    case chargedBack = "charged_back"

    /// Whether anything is still to be expected.
    package var isOpen: Bool {
        switch self {
        case .created, .held, .calling, .unknown, .review: true
        case .settled, .failed, .reversed, .chargedBack: false
        }
    }

    /// For the owner of the money, who is told what is so and what will happen.
    package func words(_ kind: RailKind) -> String {
        switch (self, kind) {
        case (.created, _): "Asked for."
        case (.held, _): "The money is set aside."
        case (.calling, .topUp): "Waiting for you to pay."
        case (.calling, .payout): "On its way."
        case (.unknown, .topUp):
            "The provider has not said yet whether it was paid. We keep asking; nothing is lost."
        case (.unknown, .payout):
            "The provider has not said yet whether it arrived. We keep asking; the money stays "
                + "set aside and is not spent twice."
        case (.review, _): "The provider gives no clear answer. One of our people looks into it."
        case (.settled, .topUp): "Paid. The money is in your wallet."
        case (.settled, .payout): "It has arrived."
        case (.failed, .topUp): "Not paid. Nothing was taken."
        case (.failed, .payout): "It was not sent. The money is yours again."
        case (.reversed, .topUp): "The money was taken back by the provider."
        case (.reversed, .payout): "It came back. The money is in your wallet again."
        case (.chargedBack, _): "The payer's bank took the money back."
        }
    }
}

/// The machine itself: every move there is. A trigger of the database has the same table.
package struct RailMove: Sendable, Hashable {
    package let kind: RailKind
    package let from: RailState
    package let to: RailState
    /// What makes it happen, for readers of the picture.
    package let why: String

    package static func isLegal(_ kind: RailKind, from: RailState, to: RailState) -> Bool {
        all.contains { $0.kind == kind && $0.from == from && $0.to == to }
    }

    package static let all: [RailMove] = topUps + payouts

    private static let topUps = moves(
        .topUp,
        [
            (.created, .calling, "about to call"),
            (.created, .failed, "cancelled"),
            (.calling, .settled, "paid"),
            (.calling, .failed, "proven not paid"),
            (.calling, .unknown, "no clear answer"),
            (.calling, .review, "the answer contradicts"),
            (.unknown, .settled, "asked: paid"),
            (.unknown, .failed, "asked: not paid"),
            (.unknown, .review, "asked long enough"),
            (.failed, .settled, "paid late"),
            (.failed, .review, "the answer contradicts"),
            (.review, .settled, "a person decides"),
            (.review, .failed, "a person decides"),
            (.settled, .reversed, "taken back"),
            (.settled, .chargedBack, "disputed"),
        ])

    private static let payouts = moves(
        .payout,
        [
            (.created, .held, "money reserved"),
            (.held, .calling, "about to call"),
            (.held, .failed, "cancelled"),
            (.calling, .settled, "paid"),
            (.calling, .failed, "proven not paid"),
            (.calling, .unknown, "no clear answer"),
            (.calling, .review, "the answer contradicts"),
            (.unknown, .settled, "asked: paid"),
            (.unknown, .failed, "asked: not paid"),
            (.unknown, .review, "asked long enough"),
            (.failed, .review, "the answer contradicts"),
            (.review, .settled, "a person decides"),
            (.review, .failed, "a person decides"),
            (.settled, .reversed, "came back"),
        ])

    private static func moves(
        _ kind: RailKind, _ table: [(RailState, RailState, String)]
    ) -> [RailMove] {
        table.map { RailMove(kind: kind, from: $0, to: $1, why: $2) }
    }
}

extension RailMove {
    /// The machine as a Mermaid diagram, one for each way; `docs/rails.md` shows it.
    package static func picture(_ kind: RailKind) -> String {
        let moves = all.filter { $0.kind == kind }
        let ends = RailState.allCases.filter { state in
            moves.contains { $0.to == state } && !moves.contains { $0.from == state }
        }
        let lines =
            ["[*] --> created"]
            + moves.map { "\($0.from.rawValue) --> \($0.to.rawValue): \($0.why)" }
            + ends.map { "\($0.rawValue) --> [*]" }
        return "stateDiagram-v2\n" + lines.map { "    \($0)\n" }.joined()
    }
}
