import HTTP
import TestSupport
import Testing

/// The verifiable books from outside. The proofs themselves are recomputed by another program, in
/// `Tests/api/test_books.py`.
@Suite("The books", .timeLimit(.minutes(1)))
struct BookTests {
    private static let day: Int64 = 86_400

    private func path(_ transfer: JSON) -> String { "/v1/entries/\(transfer.id)/proof" }

    @Test func aProofShowsEachSideItsOwn() async throws {
        let api = try await World.api
        let payer = try await Person.signUp(api, money: 1000)
        let (friend, stranger) = (try await Person.signUp(api), try await Person.signUp(api))
        let done = try await payer.send(300, to: friend)

        let mine = try await payer.get(path(done))
        #expect(mine.id == done.id)
        #expect(mine[at: "debit", "opened", "posted"]?.integer == 700)
        #expect(mine[at: "credit", "opened"] == nil)
        #expect(mine[at: "entry", "amount"]?.integer == 300)
        let theirs = try await friend.get(path(done))
        #expect(theirs[at: "credit", "opened", "posted"]?.integer == 300)
        #expect(theirs[at: "debit", "opened"] == nil)
        #expect(theirs["line"] == mine["line"])
        #expect(theirs[at: "credit", "digest"] == mine[at: "credit", "digest"])

        try await stranger.refused(404, "transfer_not_found", .get, path(done))
        try await stranger.refused(
            404, "transfer_not_found", .get,
            "/v1/entries/01890000-0000-7000-8000-000000000000/proof")
        try await api.refused(401, "session_invalid", .get, path(done))
    }

    @Test func aDayIsCommittedWhenItIsOver() async throws {
        let server = try await World.own()
        let api = server.api
        let (payer, friend) = (
            try await Person.signUp(api, money: 1000), try await Person.signUp(api)
        )
        let done = try await payer.send(300, to: friend)
        let today = try #require(done["created_at"]?.string).prefix(10)
        #expect(try await api.expect(200, .get, "/v1/commitments").rows.isEmpty)
        try await api.refused(404, "commitment_not_found", .get, "/v1/commitments/\(today)")
        let open = try await payer.get(path(done))
        #expect(open["day"] == nil && open["committed_after"]?.string != nil)

        try await api.advanceClock(seconds: Self.day + 61)
        try await server.current.logLine(containing: "\"day\":\"\(today)\"")
        let shown = try await api.expect(200, .get, "/v1/commitments/\(today)")
        let listed = try await api.expect(200, .get, "/v1/commitments").rows
        #expect(listed.contains(shown))
        let token = try await api.logIn(payer.username)["access_token"]?.string
        let closed = try await api.expect(200, .get, path(done), token: token)
        #expect(closed[at: "day", "commitment"] == shown)
        #expect(closed["committed_after"] == nil)
        #expect(closed["line"] == open["line"])

        let keys = try await api.expect(200, .get, "/v1/commitments/keys")["keys"]?.array ?? []
        #expect(keys.count == 1 && keys[0]["alg"]?.string == "ES256")
        let audit = try await server.run("audit")
        #expect(audit.ending == .exited(0), "\(audit.program.output)")
        #expect(audit.program.output.contains("committed through 2"))
    }

    @Test func whatIsNoDayOrCursorIsRefused() async throws {
        let api = try await World.api
        for day in ["2026-13-01", "yesterday!", "2020-01-01"] {
            try await api.refused(404, "commitment_not_found", .get, "/v1/commitments/\(day)")
        }
        try await api.refused(400, "cursor_invalid", .get, "/v1/commitments?cursor=soon")
        let page = try await api.expect(200, .get, "/v1/commitments?cursor=2020-01-01&limit=1")
        #expect(page.rows.isEmpty && page["next_cursor"] == nil)
    }
}
