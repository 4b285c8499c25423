import TestSupport

/// Servers that suites share. Everyone has names of their own, so that tests do not meet.
enum World {
    /// A plain sandbox.
    static var api: Api {
        get async throws { Api(url: try await plain.value.url) }
    }

    static var server: FlorinServer {
        get async throws { try await plain.value }
    }

    /// A sandbox whose operator takes fees, sets low limits, and opens the simple transfer API.
    static var terms: Api {
        get async throws { Api(url: try await strict.value.url) }
    }

    /// A server with a clock that only the calling test moves.
    static func own(_ settings: [String: String] = [:]) async throws -> FlorinServer {
        try await FlorinServer.start(database: TestPostgres.database(), settings)
    }

    private static let plain = Task { try await own() }
    private static let strict = Task {
        try await own([
            "FLORIN_SEND_FEE": "fixed=10,basis_points=50,min=20,max=150",
            "FLORIN_LIMIT_TRANSFER": "1000", "FLORIN_LIMIT_DAY": "2000",
            "FLORIN_LIMIT_MONTH": "10000", "FLORIN_SIMPLE_API": "open",
            "FLORIN_SIMPLE_BALANCE": "1000",
        ])
    }
}

extension FlorinServer {
    var api: Api { Api(url: url) }

    /// Two of them, which know each other's sessions and forward to the one that writes.
    static func pair(
        on database: TestDatabase, _ settings: [String: String] = [:]
    ) async throws -> [FlorinServer] {
        [try await colleague(on: database, settings), try await colleague(on: database, settings)]
    }

    /// One of several on one database.
    static func colleague(
        on database: TestDatabase, _ settings: [String: String] = [:]
    ) async throws -> FlorinServer {
        let shared = [
            "FLORIN_MASTER_KEY": String(repeating: "5a", count: 32),
            "FLORIN_PEER_ADDRESS": "127.0.0.1:0",
        ]
        return try await start(database: database, settings.merging(shared) { own, _ in own })
    }
}
