import HTTP
import TestSupport
import Testing

/// One client of several servers of one bank. It asks one thing at a time, as any of its people;
/// when a server does not answer it turns to the next.
struct BankClient {
    let number: Int
    let bank: Bank
    private var server: Int
    private var commands = 0

    /// Attempts at one question: there is always a server that answers.
    private static let attemptsMax = 100

    /// Something to ask, in both its forms.
    private struct Question {
        var name: String
        let call: HistoryEvent.Call
        let person: Person
        let path: String
        let body: JSON?
        /// Who may capture or reverse what comes of it.
        let payee: Int
        /// Whether the journal keeps its name. Without that, only an answer tells what it wrote.
        let isNamed: Bool
    }

    init(number: Int, bank: Bank) {
        self.number = number
        self.bank = bank
        server = number % bank.servers.count
    }

    mutating func run(operations: Int) async throws {
        for _ in 0..<operations {
            switch Int.random(in: 0..<100) {
            case 0..<45: try await ask(payment())
            case 45..<57: try await ask(hold())
            case 57..<67: if let capture = capture() { try await ask(capture) }
            case 67..<71: if let void = void() { try await ask(void) }
            case 71..<78: if let reversal = reversal() { try await ask(reversal) }
            case 78..<88: try await readEverything()
            default: try await readWallets()
            }
        }
    }

    private var api: Api { bank.servers[server].api }

    private mutating func turnAway() { server = (server + 1) % bank.servers.count }

    // MARK: Reading

    private func readEverything() async throws {
        let all = bank.opening.accounts.keys.sorted()
        try await bank.recorder.record(client: number, name: "reads", .read(all)) {
            .balances(try await bank.balances())
        }
    }

    /// All wallets of one person, which are of one moment.
    private mutating func readWallets() async throws {
        let reader = bank.people.indices.randomElement()!
        let accounts = Bank.currencies.map { bank.account(of: reader, $0) }
        let (api, token) = (api, bank.people[reader].token)
        let answer = try await bank.recorder.record(
            client: number, name: "reads", .read(accounts)
        ) {
            let reply: Reply
            do throws(OutboundError) {
                reply = try await api.reply(.get, "/v1/wallets", token: token)
            } catch { return .unknown }
            guard reply.status == 200 else { return try Self.unavailable(reply) }
            return .balances(
                Dictionary(
                    uniqueKeysWithValues: try reply.json.rows.map {
                        try figures(in: $0, of: reader)
                    }))
        }
        if answer == .unknown { turnAway() }
    }

    private func figures(in wallet: JSON, of reader: Int) throws -> (Int64, Figures) {
        let currency = try #require(wallet["currency"]?.string)
        let figures = Figures(
            posted: try #require(wallet["posted"]?.integer),
            held: try #require(wallet["held"]?.integer))
        #expect(wallet["available"]?.integer == figures.available)
        return (bank.account(of: reader, currency), figures)
    }

    // MARK: What to ask

    private mutating func newName() -> String {
        commands += 1
        return "command-\(number)-\(commands)"
    }

    private mutating func payment() -> Question {
        let (payer, payee, currency, movement) = movement()
        let (name, isNamed) = (newName(), Bool.random())
        return Question(
            name: name, call: .post(bank.lines(movement, currency)), person: bank.people[payer],
            path: "/v1/transfers",
            body: .send(
                movement.amount, to: bank.people[payee].username, currency: currency,
                note: isNamed ? name : nil), payee: payee, isNamed: isNamed)
    }

    private mutating func hold() -> Question {
        let (payer, payee, currency, movement) = movement()
        let name = newName()
        return Question(
            name: name, call: .hold(movement), person: bank.people[payer], path: "/v1/holds",
            body: .send(
                movement.amount, to: bank.people[payee].username, currency: currency, note: name,
                expiresIn: 86_400), payee: payee, isNamed: true)
    }

    private func movement() -> (payer: Int, payee: Int, currency: String, Movement) {
        let pair = Array(bank.people.indices.shuffled().prefix(2))
        let currency = Bank.currencies.randomElement()!
        let movement = Movement(
            debit: bank.account(of: pair[0], currency), credit: bank.account(of: pair[1], currency),
            amount: .random(in: 1...200))
        return (pair[0], pair[1], currency, movement)
    }

    private mutating func capture() -> Question? {
        guard let hold = bank.anyHold() else { return nil }
        let amount: Int64? = Bool.random() ? .random(in: 1...100) : nil
        return end(
            hold, .capture(hold: hold.places[0], amount: amount), "/v1/holds/\(hold.id)/captures",
            body: amount.map { ["amount": .integer($0)] })
    }

    private mutating func void() -> Question? {
        bank.anyHold().map {
            end($0, .void(hold: $0.places[0]), "/v1/holds/\($0.id)/voids", body: nil)
        }
    }

    private mutating func reversal() -> Question? {
        bank.anyPayment().map {
            end($0, .reverse($0.places), "/v1/transfers/\($0.id)/reversals", body: nil)
        }
    }

    /// What only the payee may ask. What it settles names it in the journal.
    private mutating func end(
        _ thing: Bank.Thing, _ call: HistoryEvent.Call, _ path: String, body: JSON?
    ) -> Question {
        Question(
            name: newName(), call: call, person: bank.people[thing.payee], path: path, body: body,
            payee: thing.payee, isNamed: true)
    }

    // MARK: Asking

    /// Asks, and asks again after silence: always when only an answer can tell what happened, and
    /// half the time otherwise. Sometimes both servers are asked at once.
    private mutating func ask(_ question: Question) async throws {
        if Int.random(in: 0..<10) == 0 {
            let other = bank.servers[(server + 1) % bank.servers.count].api
            async let twin = ask(question, of: other)
            let own = try await ask(question, of: api)
            if try await twin != .unknown, own != .unknown { return }
        } else if try await ask(question, of: api) != .unknown {
            return
        }
        turnAway()
        for _ in 0..<Self.attemptsMax {
            if question.isNamed, Bool.random() { return }
            if try await ask(question, of: api) != .unknown { return }
            turnAway()
        }
        throw Silence(question: question.name)
    }

    /// Nobody answers.
    private struct Silence: Error {
        let question: String
    }

    private func ask(
        _ question: Question, of api: Api
    ) async throws -> HistoryEvent.Answer {
        try await bank.recorder.record(client: number, name: question.name, question.call) {
            let reply: Reply
            do throws(OutboundError) {
                reply = try await api.reply(
                    .post, question.path, question.body, token: question.person.token,
                    key: question.name)
            } catch { return .unknown }
            switch reply.status {
            case 201: return try answer(question, reply)
            case 409, 422:
                let available = reply.json["available"]?.integer
                return .refused(try #require(reply.code), available: available)
            default: return try Self.unavailable(reply)
            }
        }
    }

    private func answer(
        _ question: Question, _ reply: Reply
    ) throws -> HistoryEvent.Answer {
        let place = try #require(Self.place(reply.json.id), "\(reply.text)")
        if !reply.isReplay { learn(question, reply.json.id, place) }
        return reply.isReplay ? .replayed(place: place) : .done(place: place)
    }

    private func learn(_ question: Question, _ id: String, _ place: Int64) {
        func thing(_ count: Int) -> Bank.Thing {
            let places = (0..<Int64(count)).map { place + $0 }
            return Bank.Thing(id: id, places: places, payee: question.payee)
        }
        switch question.call {
        case .post(let lines): bank.add(payment: thing(lines.count))
        case .capture: bank.add(payment: thing(1))
        case .hold: bank.add(hold: thing(1))
        case .void, .reverse, .read: break
        }
    }

    /// The id that the world sees ends with the place in the journal.
    private static func place(_ id: String) -> Int64? {
        let digits = id.filter { $0 != "-" }.suffix(16)
        return UInt64(digits, radix: 16).map { Int64($0 & 0x3FFF_FFFF_FFFF_FFFF) }
    }

    /// A server that says it cannot may have done it all the same.
    private static func unavailable(_ reply: Reply) throws -> HistoryEvent.Answer {
        guard reply.status == 503 else {
            throw Crowd.Unexpected(status: reply.status, text: reply.text)
        }
        return .unknown
    }
}
