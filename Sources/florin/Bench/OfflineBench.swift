internal import Cryptography
internal import FlorinClient
internal import FoundationEssentials
internal import HTTP
internal import OfflineProtocol
internal import Values

/// `florin bench offline`: how fast a server takes what phones have signed, over HTTP and to the
/// disk. It enrols wallets for seeded people, has them pay each other without a network, and shows
/// everything at once, as on the evening of a day without one.
struct OfflineBench: Sendable {
    private let server: String
    private let people: [Person]
    private let inFlight: Int
    private let syncs: Int

    /// Payments of each wallet, as many as a certificate lets it sign before it must sync.
    static let paymentsEach = 40
    /// Records of one upload: a carrier's, from several phones.
    private static let recordsPerUpload = 120
    private static let enrollingInFlight = 16
    /// Minor units.
    private static let locked: Int64 = 10_000

    private struct Person: Sendable {
        let token: String
    }

    init(_ arguments: Arguments, countMax: Int64) throws {
        guard let server = arguments.option("server"), let file = arguments.option("tokens") else {
            throw Arguments.Misunderstood(reason: "bench offline wants --server and --tokens")
        }
        self.server = server
        let wallets = Int(try arguments.integer("wallets", in: 2...countMax) ?? 500)
        inFlight = Int(try arguments.integer("in-flight", in: 1...1_000) ?? 8)
        syncs = Int(try arguments.integer("syncs", in: 1...countMax) ?? 200)
        let text = String(decoding: try Data(contentsOf: URL(filePath: file)), as: UTF8.self)
        people = text.split(separator: "\n").prefix(wallets + syncs).compactMap { line in
            line.split(separator: " ").last.map { Person(token: String($0)) }
        }
        guard people.count == wallets + syncs else {
            throw Arguments.Misunderstood(reason: "there are fewer tokens than wallets and syncs")
        }
    }

    func run() async throws -> Int32 {
        let phones = try await inTurn(people, Self.enrollingInFlight) { try await enrol($0) }
        Program.complain("enrolled \(phones.count) wallets")
        let (payers, syncing) = (phones.dropLast(syncs), Array(phones.suffix(syncs)))
        let records = sign(Array(payers))
        let uploads = stride(from: 0, to: records.count, by: Self.recordsPerUpload).map {
            records[$0..<min(records.count, $0 + Self.recordsPerUpload)].map { $0.encoded }
        }
        let began = ContinuousClock.now
        _ = try await inTurn(Array(uploads.enumerated()), inFlight) { place, objects in
            try await upload(objects, by: people[place % people.count])
        }
        let spent = ContinuousClock.now - began
        Program.say("payments \(records.count)")
        Program.say("payments_per_second \(Int64(Double(records.count) / spent.inSeconds))")
        let latencies = try await sync(syncing)
        for (name, share) in [("p50", 50), ("p99", 99)] {
            let place = min(latencies.count - 1, (latencies.count * share + 99) / 100 - 1)
            Program.say("sync_\(name)_microseconds \(latencies[place])")
        }
        return 0
    }

    // MARK: Phones

    private struct Phone: Sendable {
        let person: Person
        let key: SigningKey
        let certificate: Certificate
    }

    private func client(_ person: Person) -> WalletClient {
        WalletClient(
            server: server,
            credentials: Credentials(accessToken: person.token, refreshToken: ""))
    }

    private func enrol(_ person: Person) async throws -> Phone {
        let client = client(person)
        _ = try await client.call(.put, "/sandbox/standing", body: ["kyc_tier": 2])
        guard let text = try await client.call(.get, "/v1/me").json["id"]?.string,
            let id = ID<Person>(text)
        else { throw Unexpected(what: "/v1/me") }
        let key = SigningKey.generate()
        let csr = Enrolment(
            publicKey: [2 + key.publicKey[64] & 1] + key.publicKey[1..<33],
            account: ObjectID(id.high, id.low), time: 0)
        let enrolled = try await client.call(
            .post, "/v1/offline/wallets",
            body: [
                "csr": .string(Base64URL.encode(csr.signed(key.sign(csr.message)).encoded)),
                "currency": "KES",
            ])
        guard let wallet = enrolled.json["wallet"]?.string else {
            throw Unexpected(what: "/v1/offline/wallets")
        }
        let locked = try await client.call(
            .post, "/v1/offline/wallets/\(wallet)/topups", body: ["amount": .integer(Self.locked)],
            key: WalletClient.makeKey())
        guard let bytes = locked.json["certificate"]?.string.flatMap({ Base64URL.decode($0) })
        else { throw Unexpected(what: "topups") }
        return Phone(person: person, key: key, certificate: try Certificate(decoding: bytes))
    }

    /// Every phone pays the next ones in the ring, each record a payment of its own.
    private func sign(_ phones: [Phone]) -> [SpendRecord] {
        var records: [SpendRecord] = []
        for (place, phone) in phones.enumerated() {
            let wallet = phone.certificate.wallet
            var previous = phone.certificate.id
            for counter in 1...Self.paymentsEach {
                let payee = phones[(place + counter) % phones.count].certificate.wallet
                guard payee != wallet else { continue }
                let record = SpendRecord(
                    payer: wallet, payee: payee, counter: UInt32(counter), amount: 1,
                    sourceSpent: UInt32(counter), sentTotal: UInt32(counter),
                    time: phone.certificate.issuedAt, hop: 1, source: .none,
                    request: ObjectID(.random(in: 1 ... .max), .random(in: 1 ... .max)),
                    previous: previous)
                previous = record.id
                records.append(record.signed(phone.key.sign(record.message)))
            }
        }
        return records
    }

    // MARK: Showing

    private func upload(_ objects: [[UInt8]], by person: Person) async throws {
        let answer = try await client(person).call(
            .post, "/v1/offline/objects", body: ["objects": Self.json(objects)])
        let settled = answer.json["results"]?.array?.count {
            $0["status"]?.string == "settled" || $0["status"]?.string == "pending"
        }
        guard settled == objects.count else { throw Unexpected(what: "/v1/offline/objects") }
    }

    /// Microseconds of each phone's sync with all it has signed, in ascending order.
    private func sync(_ phones: [Phone]) async throws -> [Int64] {
        var latencies: [Int64] = []
        for (place, phone) in phones.enumerated() {
            let others = Array(phones[place...] + phones[..<place])
            let objects = sign(others).prefix(Self.paymentsEach).map { $0.encoded }
            let client = client(phone.person)
            // The first call of a connection finds it open.
            _ = try await client.call(.get, "/v1/me")
            let body: JSON = [
                "wallet": .string(Hex.encode(Self.bytes(phone.certificate.wallet.number))),
                "objects": Self.json(objects), "head": .integer(Int64(Self.paymentsEach)),
            ]
            let began = ContinuousClock.now
            let answer = try await client.call(.post, "/v1/offline/sync", body: body)
            latencies.append((ContinuousClock.now - began).inMicroseconds)
            guard answer.json["receipts"]?.array?.count == Self.paymentsEach else {
                throw Unexpected(what: "/v1/offline/sync")
            }
        }
        return latencies.sorted()
    }

    private static func json(_ objects: [[UInt8]]) -> JSON {
        .array(objects.map { .string(Base64URL.encode($0)) })
    }

    private static func bytes(_ number: UInt64) -> [UInt8] {
        stride(from: 56, through: 0, by: -8).map { UInt8(truncatingIfNeeded: number >> $0) }
    }

    struct Unexpected: Error, CustomStringConvertible {
        let what: String

        var description: String { "the server answered \(what) in another way than it should" }
    }
}

/// Results in the order of the elements, so many at a time.
private func inTurn<Element: Sendable, Result: Sendable>(
    _ elements: [Element], _ atOnce: Int,
    _ body: @escaping @Sendable (Element) async throws -> Result
) async throws -> [Result] {
    try await withThrowingTaskGroup(of: [(Int, Result)].self) { group in
        for lane in 0..<min(atOnce, elements.count) {
            group.addTask {
                var results: [(Int, Result)] = []
                for place in stride(from: lane, to: elements.count, by: atOnce) {
                    results.append((place, try await body(elements[place])))
                }
                return results
            }
        }
        return try await group.reduce(into: []) { $0 += $1 }.sorted { $0.0 < $1.0 }.map(\.1)
    }
}

extension Duration {
    fileprivate var inMicroseconds: Int64 {
        components.seconds * 1_000_000 + components.attoseconds / 1_000_000_000_000
    }

    fileprivate var inSeconds: Double { Double(inMicroseconds) / 1_000_000 }
}
