import HTTP
import Postgres
import TestSupport
import Testing

/// People who pay each other without pause while something breaks, and a book of all that was asked
/// and answered, which is then held against the journal.
struct Drill: Sendable {
    struct Intent: Sendable {
        let payer: Int
        let payee: Int
        let amount: Int64
        /// With a note the payment carries a row of another slice along.
        let note: String?
        let key = Api.newKey()
    }

    enum Answer: Sendable {
        case posted(id: String, isReplay: Bool)
        case refused
        /// No answer, or one that says: try again.
        case open
    }

    typealias Entry = (intent: Intent, answer: Answer)

    /// What a drill has seen so far.
    struct Figures: Sendable {
        var posted = 0
        /// Of these, the ones whose first answer said that it had been done before.
        var replayedAtOnce = 0
        var refused = 0
        /// Left open by the blow; in the journal, and not in it.
        var openAndDone = 0
        var openAndNotDone = 0

        var words: String {
            "\(posted) paid, \(refused) refused, \(openAndDone + openAndNotDone) left open: "
                + "\(openAndDone) done, \(openAndNotDone) not"
        }
    }

    static let money: Int64 = 20_000
    private static let amounts: ClosedRange<Int64> = 1...500

    let people: [Person]
    let gate = Gate()
    let clients: Int
    /// Where the journal is, past everything that is about to break.
    let database: ConnectionSettings
    /// Whether a server may ask again what it had asked another to do: then even a first answer may
    /// say that it was done before, by the attempt that was never answered.
    let mayBeForwarded: Bool

    init(
        _ api: Api, _ database: ConnectionSettings, people: Int = 12, clients: Int = 48
    ) async throws {
        try await self.init(
            at: [api], database, people: people, clients: clients, mayBeForwarded: false)
    }

    /// - Parameter apis: of the servers, each of which people come to.
    init(
        at apis: [Api], _ database: ConnectionSettings, people: Int = 12, clients: Int = 48,
        mayBeForwarded: Bool
    ) async throws {
        self.database = database
        self.clients = clients
        self.mayBeForwarded = mayBeForwarded
        self.people = try await together(people) { number in
            try await Person.signUp(apis[number % apis.count], money: Self.money)
        }
    }

    // MARK: Under load

    /// Everyone pays; after so many payments comes the blow, and nobody begins another.
    func pay(
        _ count: Int, then blow: @escaping @Sendable () async throws -> Void
    ) async throws -> [Entry] {
        await gate.open()
        async let books = together(clients) { _ in await payUntilClosed() }
        await gate.waitForMore(count)
        try await blow()
        await gate.close()
        return try await books.flatMap { $0 }
    }

    private func payUntilClosed() async -> [Entry] {
        var entries: [Entry] = []
        while await gate.isUp {
            let intent = makeIntent()
            var answer = Answer.open
            // Whatever comes, the others go on: somebody counts the payments.
            do { answer = try await send(intent) } catch { Issue.record(error) }
            entries.append((intent, answer))
            await gate.settle()
        }
        return entries
    }

    private func makeIntent() -> Intent {
        let payer = people.indices.randomElement() ?? 0
        let distance = Int.random(in: 1..<people.count)
        return Intent(
            payer: payer, payee: (payer + distance) % people.count,
            amount: Int64.random(in: Self.amounts), note: Bool.random() ? Api.newKey() : nil)
    }

    func send(_ intent: Intent) async throws -> Answer {
        let (payer, payee) = (people[intent.payer], people[intent.payee])
        let reply: Reply
        do throws(OutboundError) {
            reply = try await payer.api.reply(
                .post, "/v1/transfers",
                .send(intent.amount, to: payee.username, note: intent.note), token: payer.token,
                key: intent.key)
        } catch { return .open }
        switch (reply.status, reply.code) {
        case (201, _): return .posted(id: reply.json.id, isReplay: reply.isReplay)
        case (409, "insufficient_funds"): return .refused
        case (503, let code):
            #expect(["unavailable", "outcome_unknown", "overloaded"].contains(code))
            reply.expectProblem(503, code ?? "")
            #expect(reply.header("Retry-After") != nil)
            return .open
        default: throw Crowd.Unexpected(status: reply.status, text: reply.text)
        }
    }

    // MARK: Afterwards

    /// Holds the book against the journal: what was acknowledged is there once, what was refused is
    /// not, and of what was left open a retry tells what the journal says.
    func settle(_ entries: [Entry], into figures: inout Figures) async throws {
        let before = try journal(entries.map(\.intent))
        var open: [Intent] = []
        for (intent, answer) in entries {
            let lines = before[intent.key] ?? []
            switch answer {
            case .posted(let id, let isReplay):
                figures.posted += 1
                if isReplay { figures.replayedAtOnce += 1 }
                #expect(!isReplay || mayBeForwarded, "done before it was asked for")
                #expect(lines == [line(id, intent)])
            case .refused:
                figures.refused += 1
                #expect(lines == [], "refused, and there all the same")
            case .open:
                #expect(lines.count <= 1)
                open.append(intent)
            }
        }
        try await retry(open, before, into: &figures)
    }

    private func retry(
        _ open: [Intent], _ before: [String: [Line]], into figures: inout Figures
    ) async throws {
        let answers = try await together(open.count) { (open[$0], try await insist(open[$0])) }
        let after = try journal(open)
        for (intent, answer) in answers {
            let (was, lines) = (before[intent.key] ?? [], after[intent.key] ?? [])
            if was.isEmpty { figures.openAndNotDone += 1 } else { figures.openAndDone += 1 }
            switch answer {
            case .posted(let id, let isReplay):
                // What was forwarded may be written after the look at the journal.
                #expect(was.isEmpty ? !isReplay || mayBeForwarded : isReplay)
                #expect(lines == [line(id, intent)])
                figures.posted += 1
            case .refused:
                #expect(was.isEmpty && lines.isEmpty)
                figures.refused += 1
            case .open: Issue.record("it does not come back")
            }
        }
    }

    /// Asks until the answer is yes or no.
    private func insist(_ intent: Intent) async throws -> Answer {
        while true {
            let answer = try await send(intent)
            guard case .open = answer else { return answer }
            try await Task.yieldUnlessCancelled()
        }
    }

    // MARK: The journal

    struct Line: Equatable {
        let place: Int64
        let amount: Int64
        let payer: String
        let payee: String
        let note: String?
    }

    private func line(_ id: String, _ intent: Intent) -> Line {
        // The last 62 bits of a transfer's id are its place in the journal.
        let bits = UInt64(id.filter { $0 != "-" }.suffix(16), radix: 16) ?? 0
        return Line(
            place: Int64(bits & 0x3FFF_FFFF_FFFF_FFFF), amount: intent.amount,
            payer: people[intent.payer].id,
            payee: people[intent.payee].id, note: intent.note)
    }

    /// The lines that each key has written, with the note beside them, read past the server.
    private func journal(_ intents: [Intent]) throws -> [String: [Line]] {
        let connection = try Connection.open(database)
        // How `payments` names a command: the beginning of a hash of its owner and key.
        let rows = try connection.query(
            """
            SELECT k.key, t.id, t.amount, d.user_id::text, c.user_id::text, n.note
            FROM unnest(\(intents.map { people[$0.payer].id }), \(intents.map(\.key)))
                AS k(owner, key)
            JOIN ledger.transfers t ON t.key = substr(encode(sha256(
                convert_to(k.owner || ':' || k.key, 'UTF8')), 'hex'), 1, 32)::uuid
            JOIN payments.wallets d ON d.account = t.debit
            JOIN payments.wallets c ON c.account = t.credit
            LEFT JOIN payments.notes n ON n.transfer = t.id
            """)
        var lines: [String: [Line]] = [:]
        for row in rows {
            let key: String = try row[0]
            let line = Line(
                place: try row[1], amount: try row[2], payer: try row[3], payee: try row[4],
                note: try row[5])
            lines[key, default: []].append(line)
        }
        return lines
    }
}
