package import Postgres
internal import Telemetry
package import Values

/// What to do for a kind of job: usually one call to a verb of the slice that owns it.
package struct JobHandler: Sendable {
    let kind: JobKind
    let run: @Sendable (String) async throws -> Void

    package init(_ kind: JobKind, _ run: @escaping @Sendable (String) async throws -> Void) {
        self.kind = kind
        self.run = run
    }
}

/// Something to do every so often, by one process at a time.
package struct Schedule: Sendable {
    let name: String
    let everySeconds: Int64
    let run: @Sendable () async throws -> Void

    package init(
        _ name: String, everySeconds: Int64, _ run: @escaping @Sendable () async throws -> Void
    ) {
        self.name = name
        self.everySeconds = everySeconds
        self.run = run
    }
}

/// Does the jobs that are due, and ticks the schedules.
package struct Worker: Sendable {
    /// How long a job is its worker's before another may take it.
    static let leaseSeconds: Int64 = 60
    static let batchMax: Int64 = 20
    /// How often to look when nobody tells: schedules tick, and jobs wait for their second attempt.
    static let lookMilliseconds = 1_000

    private let database: Database
    private let clock: Clock
    private let handlers: [JobKind: JobHandler]
    private let schedules: [Schedule]
    private let wakeUps: AsyncStream<Void>
    private let wakeUp: AsyncStream<Void>.Continuation

    package init(
        database: Database, clock: Clock, handlers: [JobHandler], schedules: [Schedule]
    ) {
        self.database = database
        self.clock = clock
        self.handlers = Dictionary(uniqueKeysWithValues: handlers.map { ($0.kind, $0) })
        self.schedules = schedules
        (wakeUps, wakeUp) = AsyncStream.makeStream(bufferingPolicy: .bufferingNewest(1))
    }

    /// There may be work: look now.
    package func wake() { wakeUp.yield() }

    /// Works until cancelled. A database that is away is waited for.
    package func run() async throws {
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await tick() }
            group.addTask {
                for await _ in wakeUps { await work() }
            }
            try await group.next()
            group.cancelAll()
        }
    }

    private func tick() async throws {
        while !Task.isCancelled {
            wake()
            try await Task.sleep(for: .milliseconds(Self.lookMilliseconds))
        }
    }

    private func work() async {
        do {
            for schedule in schedules { try await run(schedule) }
            while try await runDueJobs() > 0, !Task.isCancelled {}
        } catch {
            Log.warning("jobs.worker_waits", ["error": "\(error)"])
        }
    }

    /// When the first schedule is due; nil before the first start. A sandbox whose clock was moved
    /// left it about where that clock stood.
    package func nextTick() async throws -> Timestamp? {
        try await database.read { transaction in
            try transaction.query("SELECT min(next_at) FROM jobs.schedules")[0][0]
        }
    }

    // MARK: Jobs

    private struct Job: Sendable {
        let id: Int64
        let kind: JobKind
        let payload: String
        let attempts: Int64
    }

    private func runDueJobs() async throws -> Int {
        let jobs = try await claim()
        for job in jobs {
            do {
                guard let handler = handlers[job.kind] else { throw UnknownJob(kind: job.kind) }
                try await handler.run(job.payload)
                try await finish(job)
            } catch {
                try await postpone(job, error)
            }
        }
        return jobs.count
    }

    private struct UnknownJob: Error { let kind: JobKind }

    private func claim() async throws -> [Job] {
        let now = clock.now
        return try await database.transaction { transaction in
            try transaction.query(
                """
                UPDATE jobs.jobs SET attempts = attempts + 1,
                    due_at = \(now.adding(seconds: Self.leaseSeconds))
                WHERE id IN (
                    SELECT id FROM jobs.jobs WHERE due_at <= \(now) AND given_up_at IS NULL
                    ORDER BY due_at LIMIT \(Self.batchMax) FOR UPDATE SKIP LOCKED)
                RETURNING id, kind, payload, attempts
                """
            ).map { row in
                Job(
                    id: try row[0], kind: JobKind(rawValue: try row[1]), payload: try row[2],
                    attempts: try row[3])
            }
        }
    }

    private func finish(_ job: Job) async throws {
        try await database.transaction { transaction in
            _ = try transaction.execute("DELETE FROM jobs.jobs WHERE id = \(job.id)")
        }
    }

    /// Tries again later, twice as late each time; gives up after the last attempt and keeps the
    /// reason.
    private func postpone(_ job: Job, _ error: any Error) async throws {
        let isLast = job.attempts >= Int64(Jobs.attemptsMax)
        Log.warning(
            "jobs.failed",
            [
                "kind": "\(job.kind.rawValue)", "attempts": .integer(job.attempts),
                "given_up": .boolean(isLast), "error": "\(error)",
            ])
        let now = clock.now
        let next = now.adding(seconds: 1 << min(job.attempts, 12))
        let givenUp: Timestamp? = isLast ? now : nil
        try await database.transaction { transaction in
            _ = try transaction.execute(
                """
                UPDATE jobs.jobs SET due_at = \(next), error = \("\(error)"),
                    given_up_at = \(givenUp)
                WHERE id = \(job.id)
                """)
        }
    }

    // MARK: Schedules

    /// Runs the schedule if its moment has come and no other process took it.
    private func run(_ schedule: Schedule) async throws {
        let now = clock.now
        let isOurs = try await database.transaction { transaction in
            try transaction.execute(
                """
                INSERT INTO jobs.schedules AS s (name, next_at)
                VALUES (\(schedule.name), \(now.adding(seconds: schedule.everySeconds)))
                ON CONFLICT (name) DO UPDATE SET next_at = excluded.next_at
                WHERE s.next_at <= \(now)
                """) == 1
        }
        guard isOurs else { return }
        do {
            try await schedule.run()
        } catch {
            Log.error(
                "jobs.schedule_failed", ["name": "\(schedule.name)", "error": "\(error)"])
        }
    }
}
