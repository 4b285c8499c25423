import FoundationEssentials
import Ledger
import Postgres
import TestSupport
import Testing
import Values

/// The books in a file: what the auditor says of a dump is what it says of the database.
@Suite(.serialized) struct DumpTests {
    @Test func aDumpIsAuditedAsItsDatabaseIs() async throws {
        try await World.spoil { world in
            try await AuditHistory.make(in: world)
            let kind = AccountKind(rawValue: "a\tb\\c\nd\u{7F}é\u{8}|\\N")
            let ledger = world.ledger
            _ = try await world.database.transaction { transaction in
                try ledger.openAccount(kind, World.kes, floor: -5, in: transaction)
            }
            let live = try await world.audit()
            #expect(live.findings == [] && live.commitments == 2)
            let dump = try await Dump(of: world)
            #expect(try await dump.audit() == live)
            // An offset with minutes, and moments of another day than in UTC.
            let elsewhere = try await Dump(of: world, timeZone: "Asia/Kathmandu")
            #expect(elsewhere.text.contains("+05:45"))
            #expect(try await elsewhere.audit() == live)
        }
    }

    @Test func rowsMayStandInAnyOrder() async throws {
        try await World.run { world in
            try await AuditHistory.make(in: world)
            let dump = try await Dump(of: world)
            let whole = try await dump.audit()
            for seed in 1...5 as ClosedRange<UInt64> {
                var random = SplitMix64(seed: seed)
                let shuffled = dump.mapRows { $0.shuffled(using: &random) }
                #expect(try await shuffled.audit() == whole)
            }
            #expect(try await dump.mapRows { $0.reversed() }.audit() == whole)
        }
    }

    /// The findings are the same, word for word and in order.
    @Test func theFindingsAreThoseOfTheDatabase() async throws {
        let tamperings = [
            "UPDATE ledger.transfers SET amount = amount + 1 WHERE id = 3",
            "UPDATE ledger.transfers SET code = 9 WHERE id IN (2, 8)",
            "UPDATE ledger.transfers SET kind = 9 WHERE id = 4",
            "DELETE FROM ledger.transfers WHERE id = 1",
            "UPDATE ledger.transfers SET id = 9223372036854775807 WHERE id = 5",
            "UPDATE ledger.transfers SET id = -9223372036854775808 WHERE id = 5",
            "UPDATE ledger.transfers SET at = 'infinity' WHERE id = 5",
            "INSERT INTO ledger.transfers SELECT * FROM ledger.transfers WHERE id = 5",
            "UPDATE ledger.accounts SET currency = 'XXX' WHERE id = 2",
            "UPDATE ledger.accounts SET posted = posted + 1",
            "UPDATE ledger.batches SET root = sha256(root)",
            "DELETE FROM ledger.batches WHERE last_transfer IN (3, 12)",
            "UPDATE ledger.commitments SET blocks = '\\x01'",
            "TRUNCATE ledger.head",
            "UPDATE ledger.checkpoints SET month = '4713-01-01 BC' WHERE account = 2",
        ]
        try await World.spoil { world in
            try await AuditHistory.make(in: world)
            let intruder = try Intruder(world.settings)
            for tampering in tamperings {
                try intruder.connection.run(unprepared: tampering)
                let live = try await world.audit()
                #expect(!live.findings.isEmpty)
                let read = try await Dump(of: world).audit()
                #expect(read.findings == live.findings, "\(tampering)")
                try intruder.restore()
            }
        }
    }

    // MARK: Changed files

    /// The last byte of every value of every row.
    @Test func oneByteInAnyColumnIsFound() async throws {
        try await World.run { world in
            try await AuditHistory.make(in: world)
            let dump = try await Dump(of: world)
            var count = 0
            for change in dump.changesOfOneByte() where !Tampering.unchecked.contains(change.name) {
                count += 1
                do {
                    let report = try await change.dump.audit()
                    #expect(!report.findings.isEmpty, "\(change.name) was changed unseen")
                } catch is DumpError {
                    // As good as a finding: the file is refused.
                }
            }
            #expect(count > 300)
        }
    }

    @Test func aDumpThatWasCutShortIsRefused() async throws {
        try await World.run { world in
            try await AuditHistory.make(in: world)
            let dump = try await Dump(of: world)
            let end = try #require(dump.text.firstRange(of: "-- PostgreSQL database dump complete"))
            let whole = dump.text.utf8.distance(
                from: dump.text.startIndex, to: end.upperBound)
            for length in stride(from: 1, to: whole, by: 97) {
                let cut = Dump(text: String(dump.text.utf8.prefix(length)) ?? "")
                await #expect(throws: DumpError.self) { try await cut.audit() }
            }
        }
    }

    /// Whatever stands in the file, the auditor answers or refuses.
    @Test func garbageIsNoReasonToFail() async throws {
        try await World.run { world in
            try await AuditHistory.make(in: world)
            let bytes = Array(try await Dump(of: world).text.utf8)
            var random = SplitMix64(seed: 20_261_121)
            for _ in 0..<400 {
                var garbled = bytes
                for _ in 0..<Int.random(in: 1...40, using: &random) {
                    let place = Int.random(in: garbled.indices, using: &random)
                    garbled[place] = UInt8.random(in: .min ... .max, using: &random)
                }
                do { _ = try await Dump.audit(garbled) } catch is DumpError {}
            }
        }
    }

    @Test func whatIsNoDumpIsExplained() async throws {
        try await World.run { world in
            try await AuditHistory.make(in: world)
            let dump = try await Dump(of: world)
            let cases: [(text: String, reason: String)] = [
                ("", "is empty"),
                ("PGDMP\u{1}\u{E}", "pg_restore -f PLAIN CUSTOM"),
                ("SELECT 1;\n", "there is no table"),
                (
                    dump.text.replacing(", debit_held,", with: ", debit_hold,"),
                    "ledger.transfers of this dump has no column debit_held"
                ),
                (
                    dump.text.replacing("COPY ledger.batches", with: "COPY ledger.bunches"),
                    "this dump holds no ledger.batches"
                ),
                (dump.text + dump.text, "twice"),
            ]
            for (text, reason) in cases {
                let error = await #expect(throws: DumpError.self) {
                    try await Dump(text: text).audit()
                }
                #expect(error?.description.contains(reason) == true, "\(error as Any)")
            }
            await #expect(throws: DumpError.self) { try await Dump.audit([0x1F, 0x8B, 0x08]) }
            let missing = Auditor(dump: "/nowhere/at/all.sql")
            await #expect(throws: DumpError.self) { try await missing.run() }
            let folder = Auditor(dump: "/")
            await #expect(throws: DumpError.self) { try await folder.run() }
        }
    }
}
