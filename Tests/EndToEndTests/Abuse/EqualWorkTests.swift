import HTTP
import Postgres
import TestSupport
import Testing

/// Equal time is only had by equal work: what the database is asked for people and for strangers.
@Suite("Abuse: the same work for strangers", .timeLimit(.minutes(1)))
struct EqualWorkTests {
    private static let rounds = 12

    @Test func strangersAreAskedAboutAsPeopleAre() async throws {
        let direct = try await TestPostgres.database()
        let proxy = DatabaseProxy(to: direct.settings)
        defer { proxy.end() }
        let api = try await FlorinServer.start(database: proxy.database(direct)).api
        let people = try await together(Self.rounds) { _ in try await Person.signUp(api) }
        let strangers = people.map { _ in Person.Names() }
        let phones = (people.map(\.phone), strangers.map(\.phone))
        let acts: [(path: String, status: Int, body: @Sendable (String) -> JSON)] = [
            ("/v1/sessions", 401, { .logIn($0, "not the password") }),
            ("/v1/password_resets", 202, { ["to": .string($0)] }),
            (
                "/v1/password_resets/completions", 422,
                { ["to": .string($0), "code": "wrong", "new_password": "a calm lake in May"] }
            ),
        ]
        for act in acts {
            var statements: ([Int], [Int]) = ([], [])
            for (known, unknown) in zip(phones.0, phones.1) {
                statements.0.append(
                    try await Self.count(proxy) {
                        _ = try await api.expect(act.status, .post, act.path, act.body(known))
                    })
                statements.1.append(
                    try await Self.count(proxy) {
                        _ = try await api.expect(act.status, .post, act.path, act.body(unknown))
                    })
            }
            // What runs beside it adds to some of them and takes from none.
            let least = (statements.0.min() ?? 0, statements.1.min() ?? 0)
            #expect(least.0 == least.1 && least.0 > 2, "\(act.path): \(statements)")
        }
    }

    private static func count(
        _ proxy: DatabaseProxy, _ body: () async throws -> Void
    ) async throws -> Int {
        let before = proxy.statements
        try await body()
        return proxy.statements - before
    }
}
