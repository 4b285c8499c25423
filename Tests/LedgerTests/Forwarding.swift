import Ledger
import Peers
import Postgres
import Synchronization
import Testing
import Values

extension World {
    /// Writes by turns with `other` until one of the two forwards.
    func meet(_ other: World) async throws {
        let (one, two) = (try await open(), try await open())
        while !ledger.isForwarding, !other.ledger.isForwarding {
            for each in [self, other] {
                _ = try await each.ledger.submit(.pay(one, two, 1, key: .random()))
            }
        }
    }

    /// Ends the term of whoever is the usual writer.
    func endTerm(address: String? = nil) throws {
        try run(
            """
            WITH head AS (
                UPDATE ledger.head SET version = version + 1, term = term + 1 RETURNING term
            )
            INSERT INTO ledger.terms (number, address) SELECT term, \(address) FROM head
            """)
    }

    /// Where the usual writer listens.
    func writerAddress() throws -> PeerAddress {
        let row = try Connection.open(settings).query(
            "SELECT address FROM ledger.terms ORDER BY number DESC LIMIT 1")[0]
        let text: String = try row[0]
        return try #require(PeerAddress(text))
    }
}

/// A usual writer that a test plays: it is sent commands, and does with them what the test wants.
final class PlayedWriter: Sendable {
    struct Request: Sendable {
        let bytes: [UInt8]
        let link: PeerLink
    }

    private let listener: PeerListener
    let requests: AsyncStream<Request>

    init(in world: World) throws {
        let (stream, arrived) = AsyncStream<Request>.makeStream()
        requests = stream
        listener = try PeerListener.start(at: .loopback, key: World.peerKey) { link, bytes in
            arrived.yield(Request(bytes: bytes, link: link))
        }
        try world.endTerm(address: "\(listener.address)")
    }

    /// Has `colleague` forward to it: someone else must get in its way.
    func attract(_ colleague: World, from world: World) async throws {
        let (one, two) = (try await world.open(), try await world.open())
        while !colleague.ledger.isForwarding {
            for each in [world, colleague] where !colleague.ledger.isForwarding {
                _ = try await each.ledger.submit(.pay(one, two, 1))
            }
        }
    }

    func request() async throws -> Request {
        var iterator = requests.makeAsyncIterator()
        return try #require(await iterator.next())
    }

    func end() { listener.stop() }
}

/// Says bytes to the usual writer of a world as another process would, and hears what comes back.
func say(_ bytes: [UInt8], to address: PeerAddress) async throws -> [UInt8]? {
    let link = try PeerLink.connect(to: address, key: World.peerKey)
    return await withCheckedContinuation { continuation in
        let open = Mutex<CheckedContinuation<[UInt8]?, Never>?>(continuation)
        let finish = { @Sendable (answer: [UInt8]?) in
            open.withLock { waiting in
                waiting?.resume(returning: answer)
                waiting = nil
            }
        }
        link.start(
            receive: { link, answer in
                finish(answer)
                link.close()
            }, end: { _ in finish(nil) })
        link.send(bytes)
    }
}

/// Runs `body` so many times at once; what it returned, in no order.
func together<Value: Sendable>(
    _ count: Int, _ body: @escaping @Sendable (Int) async throws -> Value
) async throws -> [Value] {
    try await withThrowingTaskGroup(of: Value.self) { group in
        for number in 0..<count { group.addTask { try await body(number) } }
        var values: [Value] = []
        for try await value in group { values.append(value) }
        return values
    }
}
