import FlorinClient
import HTTP
import Testing

@Suite("Live updates", .timeLimit(.minutes(1)))
struct EventTests {
    @Test func bothSidesHearOfAPayment() async throws {
        let api = try await World.api
        let (payer, friend) = (
            try await Person.signUp(api, money: 1000), try await Person.signUp(api)
        )
        let logs = [EventLog(payer.client), EventLog(friend.client)]
        for log in logs { try await log.wait { $0 == .ready } }
        let done = try await payer.post("/v1/transfers", .send(300, to: friend.phone, note: "tea"))
        for log in logs { try await log.wait { Self.isEntry($0, done.id) } }

        let sent = try #require(logs[0].entries.first)
        #expect(!sent.isIncoming)
        #expect(sent.balance.posted == 700)
        #expect(sent.balance.available == 700)
        let received = try #require(logs[1].entries.first)
        #expect(received.isIncoming)
        #expect(received.amount == 300)
        #expect(received.counterparty == payer.username)
        #expect(received.note == "tea")
        #expect(received.balance.available == 300)
    }

    @Test func everythingIsToldOnceAndInOrder() async throws {
        let api = try await World.api
        let (payer, friend) = (
            try await Person.signUp(api, money: 10_000), try await Person.signUp(api)
        )
        let log = EventLog(friend.client)
        try await log.wait { $0 == .ready }
        _ = try await together(40) { number in
            try await payer.send(Int64(number + 1), to: friend).id
        }
        try await log.wait { events in events.count >= 41 }
        let history = try await friend.entries().map(\.id)
        #expect(log.entries.map(\.id) == history.reversed())
    }

    @Test func whatWasMissedIsToldFirst() async throws {
        let api = try await World.api
        let (payer, friend) = (
            try await Person.signUp(api, money: 1000), try await Person.signUp(api)
        )
        let log = EventLog(friend.client)
        try await log.wait { $0 == .ready }
        let last = try await payer.send(1, to: friend).id
        try await log.wait { Self.isEntry($0, last) }
        log.close()

        var missed: [String] = []
        for amount in 2...6 { missed.append(try await payer.send(Int64(amount), to: friend).id) }
        let again = EventLog(friend.client, after: last)
        try await again.wait { [last = missed[4]] in Self.isEntry($0, last) }
        #expect(again.entries.map(\.id) == missed)
        let later = try await payer.send(7, to: friend).id
        try await again.wait { Self.isEntry($0, later) }
        #expect(again.entries.map(\.id) == missed + [later])
    }

    @Test func requestsAndNewWalletsAreTold() async throws {
        let api = try await World.api
        let (asker, payer) = (
            try await Person.signUp(api), try await Person.signUp(api, money: 1000)
        )
        let (asking, paying) = (EventLog(asker.client), EventLog(payer.client))
        for log in [asking, paying] { try await log.wait { $0 == .ready } }
        let request = try await asker.client.request(
            from: payer.username, amount: 200, currency: "KES")
        let told = { (status: String) in
            LiveEvent.request(id: request.id, status: status, amount: 200, currency: "KES")
        }
        let (pending, accepted) = (told("pending"), told("accepted"))
        try await paying.wait { $0 == pending }
        _ = try await payer.client.accept(request: request.id)
        try await asking.wait { $0 == accepted }

        // Money in a currency that the listener had no wallet for is told too.
        try await payer.topUp(50, "USD")
        let done = try await payer.post(
            "/v1/transfers", .send(20, to: asker.username, currency: "USD"))
        try await asking.wait { Self.isEntry($0, done.id) }
        try await asking.wait { event in
            if case .other(name: "wallet", _) = event { true } else { false }
        }
    }

    @Test func onesOwnEventsOnly() async throws {
        let api = try await World.api
        let payer = try await Person.signUp(api, money: 1000)
        let (friend, stranger) = (try await Person.signUp(api), try await Person.signUp(api))
        let log = EventLog(stranger.client)
        try await log.wait { $0 == .ready }
        try await payer.send(300, to: friend)
        let own = try await payer.send(1, to: stranger).id
        try await log.wait { Self.isEntry($0, own) }
        #expect(log.entries.map(\.id) == [own])
    }

    @Test func theStreamIsForSessionsOnly() async throws {
        let api = try await World.api
        try await api.refused(401, "session_invalid", .get, "/v1/events")
        let reply = try await api.reply(
            .get, "/v1/events", headers: [("Accept", "application/json")])
        #expect([401, 406].contains(reply.status))
    }

    @Test func aStreamEndsWithItsSession() async throws {
        let person = try await Person.signUp(World.api)
        let log = EventLog(person.client)
        try await log.wait { $0 == .ready }
        _ = try await person.reply(.delete, "/v1/sessions/current")
        try await log.wait { $0 == .interrupted }
    }

    private static func isEntry(_ event: LiveEvent, _ id: String) -> Bool {
        if case .entry(_, let entry) = event { entry.id == id } else { false }
    }
}
