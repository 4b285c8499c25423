package import OfflineProtocol
internal import Postgres
internal import Values

// A root that is kept elsewhere: it signs the list of the issuer's keys on a machine of its own,
// and only what it has signed comes here.

/// Why a list of the issuer's keys is not taken.
package enum RootListRefused: String, Error, CustomStringConvertible {
    case notAList = "this is no list of an issuer's keys"
    case notAKey = "this is no public key of a root"
    case forged = "the list was not signed by this root"
    case foreign = "the list names a key that is not this issuer's"
    case older = "the list is older than the one that is installed"
    case endsSoon = "no key of the list signs for another week"

    package var description: String { rawValue }
}

extension Offline {
    /// The keys for the time to come, as a list that is to be signed.
    package func listToSign() async throws -> IssuerKeyList {
        try await keys.listToSign(at: clock.now)
    }

    /// Takes a list that a root has signed. From then on this root is the root, and none is left in
    /// the database.
    package func install(_ list: [UInt8], signedBy root: [UInt8]) async throws -> IssuerKeyList {
        guard CurvePoint.isValid(root) else { throw RootListRefused.notAKey }
        let read: IssuerKeyList
        do throws(DecodingFault) { read = try IssuerKeyList(decoding: list) } catch {
            throw RootListRefused.notAList
        }
        guard await signatures.areGood([read.check(by: root)])[0] else {
            throw RootListRefused.forged
        }
        try await keys.install(read, by: root, at: clock.now)
        return read
    }
}

extension IssuerKeys {
    /// A list is signed for this long, so that the root is needed about once a year.
    static let vouchedDays: Int64 = 400

    struct Vouched: Sendable {
        let root: [UInt8]
        let list: IssuerKeyList
    }

    func vouched() async throws -> Vouched? {
        try await database.read { try Self.vouched($0) }
    }

    static func vouched(_ transaction: borrowing Transaction) throws -> Vouched? {
        let row = try transaction.first(
            "SELECT root, list FROM offline.root_lists ORDER BY id DESC LIMIT 1")
        guard let row else { return nil }
        let (root, list): ([UInt8], [UInt8]) = (try row[0], try row[1])
        do throws(DecodingFault) {
            return Vouched(root: root, list: try IssuerKeyList(decoding: list))
        } catch {
            throw DatabaseError.decoding(column: 1, expected: "a list of issuer's keys")
        }
    }

    func listToSign(at now: Timestamp) async throws -> IssuerKeyList {
        let sealing = sealing
        let until = now.adding(seconds: Self.vouchedDays * 86_400)
        let overlap = Self.overlapDays * 86_400
        let keys = try await database.transaction { transaction in
            try transaction.execute(
                "LOCK TABLE offline.issuer_keys IN SHARE ROW EXCLUSIVE MODE")
            var keys = try Self.stored(transaction, sealing)
            while true {
                let ends = keys.filter { $0.number != Self.rootNumber }.map(\.notAfter).max()
                guard (ends ?? now) < until else { return keys }
                let next = Self.next(after: keys)
                let begins = ends.map { max(now, $0.adding(seconds: -overlap)) } ?? now
                keys.append(
                    try Self.make(next, begins, days: Self.signingDays, transaction, sealing))
            }
        }
        return Self.list(of: keys.sorted { $0.number < $1.number }, at: now)
    }

    func install(
        _ list: IssuerKeyList, by root: [UInt8], at now: Timestamp
    ) async throws {
        let sealing = sealing
        try await database.transaction { transaction in
            try transaction.execute(
                "LOCK TABLE offline.issuer_keys IN SHARE ROW EXCLUSIVE MODE")
            let own = try Self.stored(transaction, sealing).map(\.published)
            guard list.keys.allSatisfy({ own.contains($0) }) else {
                throw RootListRefused.foreign
            }
            let week = now.adding(seconds: Self.overlapDays * 86_400).seconds
            guard list.keys.contains(where: { $0.notBefore <= now.seconds && $0.notAfter > week })
            else { throw RootListRefused.endsSoon }
            if let before = try Self.vouched(transaction), before.list.issuedAt > list.issuedAt {
                throw RootListRefused.older
            }
            try transaction.execute(
                """
                INSERT INTO offline.root_lists (root, list, installed_at)
                VALUES (\(root), \(list.encoded), \(now))
                """)
            try transaction.execute(
                "DELETE FROM offline.issuer_keys WHERE number = \(Int16(Self.rootNumber))")
        }
    }
}
