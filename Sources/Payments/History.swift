internal import Ledger
internal import Synchronization
package import Values

extension Payments {
    /// A page of a wallet's history, newest first.
    package func history(
        of wallet: Wallet, cursor: String?, from: Timestamp?, to: Timestamp?, limit: Int
    ) async throws -> Page<HistoryEntry> {
        if cursor == nil, from == nil, to == nil {
            return try await newestHistory(of: wallet, limit: limit)
        }
        let before = cursor.map { ID<Transfer>($0) }
        if let before, before == nil { throw PaymentRejection.cursorInvalid }
        let page = try await ledger.entries(
            of: wallet.account, before: before ?? nil, from: from, to: to, limit: limit)
        let entries = try await described(page.elements, in: wallet.currency)
        return Page(entries, nextCursor: page.nextCursor)
    }

    /// The first page, which is read far more often than any other: what is new in the journal,
    /// before what was read of it lately.
    private func newestHistory(of wallet: Wallet, limit: Int) async throws -> Page<HistoryEntry> {
        let known = recent.entries(of: wallet.account)
        // One more than the page has, to know whether there is another.
        let wanted = limit + 1
        let new = try await ledger.newestEntries(
            of: wallet.account, after: known.first?.place, limit: wanted)
        var entries = known
        if !new.isEmpty {
            entries = try await described(new, in: wallet.currency)
            // As many as were wanted may end anywhere; fewer end where the known ones begin.
            if new.count < wanted { entries += known }
        }
        if entries.count < wanted, let last = entries.last, !last.isFirst {
            let older = try await ledger.entries(
                of: wallet.account, before: last.id, limit: wanted - entries.count)
            entries += try await described(older.elements, in: wallet.currency)
        }
        if !new.isEmpty || entries.count > known.count {
            recent.keep(entries, of: wallet.account)
        }
        let page = try await withNotesOfToday(entries.prefix(limit))
        return Page(page, nextCursor: entries.count > limit ? page.last.map { "\($0.id)" } : nil)
    }

    /// A line without a note never gets one, but a note may have been erased.
    private func withNotesOfToday(
        _ entries: ArraySlice<HistoryEntry>
    ) async throws -> [HistoryEntry] {
        let noted = entries.lazy.filter { $0.note != nil }.map(\.place)
        guard !noted.isEmpty else { return Array(entries) }
        let notes = try await notes(of: Array(noted))
        return entries.map { entry in
            var entry = entry
            entry.note = notes[entry.place]
            return entry
        }
    }
}

/// The newest entries of wallets whose history was read lately, without a gap between them.
///
/// Lines of the journal never change, so these are never out of date; what may be missing are later
/// ones, for which the journal is asked each time.
final class RecentHistory: Sendable {
    /// About 120 bytes each.
    static let entriesMax = 600_000
    /// The longest page, and one to know whether there is another.
    static let entriesPerWalletMax = Page<HistoryEntry>.limitMax + 1

    private struct State {
        var entries: [AccountID: [HistoryEntry]] = [:]
        var count = 0
    }

    private let state = Mutex(State())

    func entries(of account: AccountID) -> [HistoryEntry] {
        state.withLock { $0.entries[account] ?? [] }
    }

    /// Lines stay, but somebody's name is gone: all are described anew.
    func forgetAll() { state.withLock { $0 = State() } }

    func keep(_ entries: [HistoryEntry], of account: AccountID) {
        let entries = Array(entries.prefix(Self.entriesPerWalletMax))
        state.withLock { state in
            if state.count + entries.count > Self.entriesMax { state = State() }
            let former = state.entries.updateValue(entries, forKey: account)
            state.count += entries.count - (former?.count ?? 0)
        }
    }
}
