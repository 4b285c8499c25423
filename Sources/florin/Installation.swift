internal import Cryptography
internal import FoundationEssentials
internal import Postgres
internal import Telemetry

/// One installation: its configuration, its data folder, and its database, private or given.
struct Installation: Sendable {
    let configuration: Configuration
    let ring: KeyRing
    let settings: ConnectionSettings
    private let server: PrivateServer?

    static func open() async throws -> Installation {
        let environment = ProcessInfo.processInfo.environment
        let configuration = try Configuration(environment)
        Log.start(level: configuration.logLevel)
        let folder = try DataFolder(path: configuration.dataFolder)
        let ring = try folder.keyRing(environment)
        if let url = configuration.databaseURL {
            return Installation(
                configuration: configuration, ring: ring,
                settings: ConnectionSettings(url: url), server: nil)
        }
        let server = try await PrivateServer.start(dataFolder: folder.path)
        return Installation(
            configuration: configuration, ring: ring, settings: server.settings,
            server: server)
    }

    /// Stops the private server if no other process uses it.
    func close() async {
        await server?.stop()
    }

    /// Runs `body` with this installation and closes it whatever happens.
    static func with(_ body: (Installation) async throws -> Int32) async throws -> Int32 {
        let installation = try await open()
        do {
            let code = try await body(installation)
            await installation.close()
            return code
        } catch {
            await installation.close()
            throw error
        }
    }

    func application() async throws -> Application {
        try await Application.start(configuration, settings: settings, ring: ring)
    }
}
