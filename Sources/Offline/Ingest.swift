package import Identity
internal import Jobs
internal import Ledger
package import OfflineProtocol
internal import Postgres
package import Values

/// What became of one piece of an upload.
package struct ObjectResult: Sendable {
    package enum Status: String, Sendable, CaseIterable {
        case settled, guaranteed, short, declined, refunded
        /// Until what it draws on is shown by somebody.
        case waitingSource = "waiting_source"
        /// Taken; its money moves as soon as payments are open again.
        case pending
        case known
        case rejected
    }

    /// The place of its object in the upload, counted from 0.
    package let object: Int
    package let id: ObjectID?
    package let status: Status
    package let rejection: String?
    /// Minor units that were paid; nil for what is no record.
    package let covered: Int64?
}

extension Offline {
    /// Objects of one person in one day, in UTC, good or not. A payment counts as what is in it.
    static let objectsPerDayMax: Int64 = 20_000

    /// Adds to the set of known records, whoever shows them, and settles what can be.
    ///
    /// The records are stored first and settled then: a crash between the two leaves them pending,
    /// and whoever passes next settles them. So an upload may be repeated at any time.
    package func ingest(
        _ objects: [[UInt8]], by uploader: ID<User>
    ) async throws -> [ObjectResult] {
        var upload = await signatures.work { Upload(objects) }
        try await count(upload.items.count, of: uploader)
        let wallets = try await wallets(upload.wallets.subtracting([.issuer]))
        let issuers = try await keys.publicKeys(at: clock.now)
        upload.judge(with: wallets, issuers)
        let checks = upload.checks(with: wallets, issuers)
        for (check, isGood) in zip(checks, await signatures.areGood(checks.map(\.check)))
        where !isGood {
            upload.items[check.place].rejection = .signatureForged
        }
        let touched = try await store(upload, wallets, uploader)
        for currency in touched.sorted(by: { $0.code < $1.code }) {
            try await settle(currency)
        }
        return try await results(of: upload)
    }

    // MARK: Steps

    private func count(_ objects: Int, of uploader: ID<User>) async throws {
        let day = Int32(clamping: clock.now.day)
        let total = try await database.transaction { transaction -> Int64 in
            try transaction.query(
                """
                INSERT INTO offline.uploads AS u (user_id, day, objects)
                VALUES (\(uploader), \(day), \(Int32(objects)))
                ON CONFLICT (user_id, day) DO UPDATE
                    SET objects = least(u.objects + excluded.objects, 1000000000)
                RETURNING objects::bigint
                """)[0][0]
        }
        guard total <= Self.objectsPerDayMax else {
            throw OfflineRefusal(
                .quotaExceeded, Fact("objects_max", Self.objectsPerDayMax),
                Fact("retry_after", clock.now.seconds(until: Timestamp(day: Int64(day) + 1))))
        }
    }

    /// Stores what is good. Returns the currencies in which there may now be something to settle.
    private func store(
        _ upload: Upload, _ wallets: [WalletID: DeviceWallet], _ uploader: ID<User>
    ) async throws -> Set<Currency> {
        let good = upload.items.filter { $0.rejection == nil }
        var byCurrency: [Currency: [SpendRecord]] = [:]
        var statements: [Saying] = []
        for item in good {
            switch item.piece {
            case .record(let record):
                guard let payer = wallets[record.payer] else { continue }
                byCurrency[payer.currency, default: []].append(record)
            case .acknowledgement(let said): statements.append(Saying(said))
            case .decline(let said): statements.append(Saying(said))
            case .certificate, nil: break
            }
        }
        var touched = try await keep(statements, wallets)
        for (currency, records) in byCurrency {
            let shown = Shown(records, currency, wallets, by: uploader, at: clock.now)
            if try await keep(shown) { touched.insert(currency) }
        }
        return touched
    }

    private func results(of upload: Upload) async throws -> [ObjectResult] {
        let records = try await records(upload.records.map { $0.id })
        return upload.items.compactMap { item in
            if let rejection = item.rejection {
                return ObjectResult(
                    object: item.object, id: item.id, status: .rejected,
                    rejection: rejection.code, covered: nil)
            }
            guard case .record = item.piece else {
                return ObjectResult(
                    object: item.object, id: item.id, status: .known, rejection: nil,
                    covered: nil)
            }
            return item.id.flatMap { records[$0] }.map { ObjectResult($0, object: item.object) }
        }
    }
}

extension ObjectResult {
    init(_ record: StoredRecord, object: Int) {
        self.object = object
        id = record.id
        rejection = record.rejection?.code
        covered = record.paid
        status =
            switch record.state {
            case .pending: .pending
            case .waiting: .waitingSource
            case .rejected: .rejected
            case .settled:
                switch record.outcome {
                case .settled, nil: .settled
                case .guaranteed: .guaranteed
                case .short: .short
                case .declined: .declined
                case .refunded: .refunded
                }
            }
    }
}
