/// Whether what clients saw could have happened one thing after another, each between its call and
/// its answer: strict serialisability, as Jepsen's bank test asks for.
///
/// Finding an order is hard in general. Here the journal is the order of everything that was
/// written, so what remains is to see that it explains every answer: each line is what its command
/// gives at that place, and each read and each refusal is true at a place that real time allows.
package struct HistoryChecker {
    private let events: [HistoryEvent]
    private let journal: [HistoryCommand]
    private let opening: HistoryOpening

    /// Violations told; after so many, more say nothing new.
    package static let violationsMax = 20

    private init(
        _ events: [HistoryEvent], _ journal: [HistoryCommand], _ opening: HistoryOpening
    ) {
        self.events = events
        self.journal = journal
        self.opening = opening
    }

    /// What cannot be explained; empty when all is well.
    package static func violations(
        in events: [HistoryEvent], journal: [HistoryCommand], opening: HistoryOpening
    ) -> [HistoryViolation] {
        let checker = HistoryChecker(events, journal, opening)
        var authors = HistoryAuthors(events, journal)
        authors.attribute()
        let (banks, broken) = checker.replay(authors)
        var timeline = HistoryTimeline(events: events, banks: banks, authors: authors)
        timeline.run()
        let all = authors.violations + broken + checker.wrongSums() + timeline.violations
        return Array(all.prefix(violationsMax))
    }

    /// The bank before the first command and after each, and the commands whose lines are not what
    /// the reference gives there.
    private func replay(
        _ authors: HistoryAuthors
    ) -> (banks: [HistoryBank], violations: [HistoryViolation]) {
        let books = HistoryBank.Books(journal.flatMap(\.lines))
        var banks = [HistoryBank(opening, books)]
        var violations: [HistoryViolation] = []
        for (index, command) in journal.enumerated() {
            let bank = banks[index]
            if let author = authors.author(of: index) {
                violations += Self.objection(to: command, by: events[author], at: bank)
            }
            // On from what is written, so that one fault is told once.
            banks.append(bank.following(command.lines))
        }
        return (banks, violations)
    }

    private static func objection(
        to command: HistoryCommand, by event: HistoryEvent, at bank: HistoryBank
    ) -> [HistoryViolation] {
        var bank = bank
        do throws(HistoryBank.Refusal) {
            let lines = try bank.perform(event.call)
            if lines == command.lines { return [] }
            return [
                HistoryViolation(
                    .brokenRule, "\(event)\nwrote \(command.lines)\ninstead of \(lines)")
            ]
        } catch {
            return [
                HistoryViolation(
                    .brokenRule,
                    "\(event)\nwas written at place \(command.place), where the reference says "
                        + "\(error)")
            ]
        }
    }

    /// Reads of all accounts in which money came or went.
    private func wrongSums() -> [HistoryViolation] {
        let expected = sums(opening.accounts.mapValues(\.figures))
        return events.compactMap { event in
            guard case .balances(let balances) = event.answer,
                balances.count == opening.accounts.count, sums(balances) != expected
            else { return nil }
            return HistoryViolation(
                .wrongSum, "\(event)\nsums to \(sums(balances)) and not to \(expected)")
        }
    }

    private func sums(_ balances: [Int64: Figures]) -> [String: Int64] {
        balances.reduce(into: [:]) { sums, balance in
            sums[opening.accounts[balance.key]?.currency ?? "", default: 0] += balance.value.posted
        }
    }
}

/// Something that cannot have happened.
package struct HistoryViolation: Sendable, Hashable, CustomStringConvertible {
    package enum Kind: String, Sendable, CaseIterable {
        /// Acknowledged, and not in the journal.
        case lostTransfer
        /// Asked for once and written twice, or acknowledged twice as new.
        case doubleTransfer
        /// Written, though nobody asked, or the answer was no.
        case inventedTransfer
        /// Written, though the rules say otherwise at that place.
        case brokenRule
        /// The journal's order is not the order of real time.
        case orderInversion
        /// True once, and over before the read began.
        case staleRead
        /// Never true.
        case impossibleRead
        case unjustifiedRefusal
        case wrongSum
    }

    package let kind: Kind
    package let text: String

    init(_ kind: Kind, _ text: String) {
        self.kind = kind
        self.text = text
    }

    package var description: String { "\(kind): \(text)" }
}
