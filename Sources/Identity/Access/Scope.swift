/// What a program may be allowed to do with its merchant's money.
package enum Scope: String, Sendable, CaseIterable {
    case walletsRead = "wallets:read"
    case transfersRead = "transfers:read"
    case transfersWrite = "transfers:write"
    case holdsRead = "holds:read"
    case holdsWrite = "holds:write"
    case requestsRead = "requests:read"
    case requestsWrite = "requests:write"

    /// For people who choose among them.
    package var meaning: String {
        switch self {
        case .walletsRead: "See balances and history."
        case .transfersRead: "See payments and their proofs."
        case .transfersWrite: "Pay, pay what was asked for, and send payments back."
        case .holdsRead: "See holds."
        case .holdsWrite: "Hold money, and capture or void holds."
        case .requestsRead: "See requests for money."
        case .requestsWrite: "Ask for money, decline, and take requests back."
        }
    }
}
