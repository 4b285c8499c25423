import TestSupport
import Testing
import Values

@testable import Postgres

#if canImport(Glibc)
    import Glibc
#endif

/// Servers are slow to make, so these tests run one after another and each tells a whole story.
@Suite(.serialized) final class PrivateServerTests: Sendable {
    private static let quick = ["fsync=off"]

    private let folder = TestFolder("florin-private")
    private let elsewhere = TestFolder("florin-elsewhere")

    deinit {
        TestFolder.endServer(in: folder.path)
        for name in TestFolder.names(in: elsewhere.path) {
            TestFolder.endServer(in: elsewhere.path + "/" + name)
        }
        folder.remove()
        elsewhere.remove()
    }

    private func start(in path: String? = nil) async throws -> PrivateServer {
        try await PrivateServer.start(
            dataFolder: path ?? folder.path, elsewhere: elsewhere.path, options: Self.quick)
    }

    private func cluster() throws -> Cluster {
        Cluster(
            layout: try Layout(dataFolder: folder.path, elsewhere: elsewhere.path),
            options: Self.quick)
    }

    private var process: pid_t? { TestFolder.serverProcess(in: folder.path) }

    private func remember(_ number: Int64, _ server: PrivateServer) throws {
        let connection = try Connection.open(server.settings)
        try connection.execute("CREATE TABLE IF NOT EXISTS kept (number bigint)")
        try connection.execute("INSERT INTO kept VALUES (\(number))")
    }

    private func remembered(_ server: PrivateServer) throws -> [Int64] {
        let connection = try Connection.open(server.settings)
        var numbers: [Int64] = []
        for row in try connection.query("SELECT number FROM kept ORDER BY number") {
            numbers.append(try row[0])
        }
        return numbers
    }

    @Test func startsAndStopsAndKeepsItsData() async throws {
        let server = try await start()
        try remember(1, server)
        let settings = try Connection.open(server.settings).first(
            """
            SELECT current_database(), current_setting('listen_addresses'),
                current_setting('data_checksums'), current_setting('TimeZone')
            """)
        let row = try #require(settings)
        #expect(try row[0] as String == "florin")
        #expect(try row[1] as String == "")
        #expect(try row[2] as String == "on")
        #expect(try row[3] as String == "UTC")
        for private_ in ["postgres", "postgres.socket"] {
            #expect(Files.status(folder.path + "/" + private_)?.st_mode == S_IFDIR | 0o700)
        }
        let pid = try #require(process)
        await server.stop()
        await server.stop()
        #expect(kill(pid, 0) != 0)
        #expect(process == nil)

        let again = try await start()
        #expect(try remembered(again) == [1])
        await again.stop()
    }

    @Test func theLastUserEndsTheServer() async throws {
        async let one = start()
        async let two = start()
        let (first, second) = try await (one, two)
        let pid = try #require(process)
        await first.stop()
        #expect(process == pid)
        try remember(1, second)
        await second.stop()
        #expect(process == nil)
    }

    @Test func aKilledServerComesBackWhileFlorinRuns() async throws {
        let server = try await start()
        try remember(1, server)
        let pool = Database(settings: server.settings, connections: 2, queueMax: 10)
        let before = try #require(process)
        kill(before, SIGKILL)
        let deadline = ContinuousClock.now + .seconds(60)
        var numbers: Int64?
        while numbers == nil && ContinuousClock.now < deadline {
            do {
                numbers = try await pool.read { try $0.first("SELECT count(*) FROM kept")![0] }
                if process == before { numbers = nil }
            } catch let error as DatabaseError {
                #expect(error.isTransient, "\(error)")
                await Task.yield()
            }
        }
        #expect(numbers == 1)
        #expect(process != before)
        await pool.close()
        await server.stop()
        #expect(process == nil)
    }

    @Test func aServerThatOutlivedItsFlorinIsAdopted() async throws {
        try cluster().makeIfMissing()
        _ = try cluster().start()
        let orphan = try #require(process)
        let server = try await start()
        #expect(process == orphan)
        try remember(1, server)
        await server.stop()
        #expect(kill(orphan, 0) != 0 || Files.read("/proc/\(orphan)/cmdline") == "")
    }

    @Test func afterEverythingWasKilledTheNextStartRecovers() async throws {
        let first = try await start()
        try remember(1, first)
        await first.stop()
        _ = try cluster().start()
        let socketFolder = try #require(try cluster().runningPostmaster?.socketFolder)
        try Connection.open(
            ConnectionSettings(
                url: Cluster.connectionString(socketFolder, database: "florin"))
        ).execute("INSERT INTO kept VALUES (2)")
        kill(try #require(process), SIGKILL)
        // The socket, its lock and the file with the dead number are all still there.
        let server = try await start()
        #expect(try remembered(server) == [1, 2])
        await server.stop()
    }

    @Test(arguments: [false, true])
    func aNumberThatNowBelongsToAnotherProcessIsNotTrusted(isWhole: Bool) async throws {
        let first = try await start()
        try remember(1, first)
        let path = PostmasterFile.path(in: folder.path + "/postgres")
        let text = try #require(Files.read(path))
        await first.stop()
        // Process 1 is always there, and is not PostgreSQL.
        let rest = isWhole ? String(text[text.firstIndex(of: "\n")!...]) : ""
        try Files.write("1" + rest, to: path)
        try cluster().layout.user.own(path)
        try Files.write("1\n", to: folder.path + "/postgres.socket/.s.PGSQL.5432.lock")
        let server = try await start()
        #expect(try remembered(server) == [1])
        await server.stop()
    }

    @Test func aMakingThatWasInterruptedIsBegunAnew() async throws {
        try Files.makeFolder(folder.path + "/postgres.new/base", mode: 0o700)
        try Files.write("15\n", to: folder.path + "/postgres.new/PG_VERSION")
        let server = try await start()
        try remember(1, server)
        await server.stop()
        #expect(!Files.exists(folder.path + "/postgres.new"))
    }

    @Test func oddNamesOfFoldersAreOnlyNames() async throws {
        let odd = folder.path + "/it's \"odd\" \\ ü = $(x) "
        let server = try await start(in: odd)
        try remember(1, server)
        #expect(Files.exists(odd + "/postgres.socket/.s.PGSQL.5432"))
        await server.stop()
    }

    @Test(arguments: [String(repeating: "a-long-name/", count: 10) + "data", "with,comma"])
    func aPathUnfitForSocketsPutsTheSocketElsewhere(name: String) async throws {
        let server = try await start(in: folder.path + "/" + name)
        let file = PostmasterFile(cluster: folder.path + "/" + name + "/postgres")
        let socketFolder = try #require(file?.socketFolder)
        try remember(1, server)
        #expect(socketFolder.hasPrefix(Layout.farSocketPrefix))
        #expect(Files.status(socketFolder)?.st_mode == S_IFDIR | 0o700)
        await server.stop()
        #expect(!Files.exists(socketFolder))
    }

    @Test func whatIsNoClusterIsLeftAlone() async throws {
        try Files.makeFolder(folder.path + "/postgres", mode: 0o700)
        let error = await #expect(throws: DatabaseError.self) { try await self.start() }
        #expect(error.map { "\($0)" }?.contains("does not hold a PostgreSQL database") == true)
    }

    @Test func aClusterOfAVersionThatIsNotInstalledSaysSo() async throws {
        try Files.makeFolder(folder.path + "/postgres", mode: 0o700)
        try Files.write("99\n", to: folder.path + "/postgres/PG_VERSION")
        let error = await #expect(throws: DatabaseError.self) { try await self.start() }
        #expect(error.map { "\($0)" }?.contains("apt-get install postgresql-99") == true)
    }

    // MARK: Root

    @Test(.enabled(if: ServerUser.isRoot))
    func rootsUnreachableFolderKeepsItsClusterElsewhere() async throws {
        _ = unsafe chmod(folder.path, 0o700)
        let server = try await start()
        try remember(1, server)
        await server.stop()
        #expect(!Files.exists(folder.path + "/postgres"))
        let location = try #require(Files.read(folder.path + "/postgres.location"))
        #expect(location.hasPrefix(elsewhere.path + "/"))
        let again = try await start()
        #expect(try remembered(again) == [1])
        #expect(Files.read(folder.path + "/postgres.location") == location)
        await again.stop()

        elsewhere.remove()
        let error = await #expect(throws: DatabaseError.self) { try await self.start() }
        #expect(error.map { "\($0)" }?.contains("it is not there") == true)
    }

    @Test(.enabled(if: ServerUser.isRoot))
    func theServerNeverRunsAsRoot() async throws {
        let server = try await start()
        let pid = try #require(process)
        #expect(Files.status("/proc/\(pid)")?.st_uid != 0)
        await server.stop()
    }
}
