internal import Channels
internal import Cryptography
internal import FoundationEssentials
internal import HTTP
internal import Identity
internal import Ledger
internal import Payments
internal import Postgres
internal import Rails
internal import Values

/// `florin routes`: the API's table of contents, or with `--openapi` its whole description.
enum RoutesCommand {
    static func run(_ words: [String]) async throws -> Int32 {
        let wantsDocument = try Arguments(words, .init(flags: ["openapi"])).flag("openapi")
        let routes = try describedRoutes()
        if wantsDocument {
            let document = OpenAPI.document(
                routes, title: "Florin", version: Florin.version,
                description: "Digital wallets and instant payments.")
            Program.say(String(decoding: document, as: UTF8.self))
        } else {
            for route in routes { Program.say(line(route)) }
        }
        return 0
    }

    private static func line(_ route: Route) -> String {
        route.method.rawValue.padded(to: 7) + route.path.padded(to: 54)
            + " \(route.access)".padded(to: 31) + " " + route.summary
    }

    /// The routes of a sandbox with everything on. Nothing connects: routes are data.
    private static func describedRoutes() throws -> [Route] {
        var configuration = try Configuration([:])
        configuration.isSandbox = true
        configuration.simpleAccess = .authenticated
        let settings = ConnectionSettings(url: "")
        let key = SigningKey.generate()
        let ring = KeyRing([SecureRandom.bytes(KeyRing.keyBytes)])
        let application = Application(
            configuration, Database(settings: settings, connections: 1, queueMax: 1), settings,
            Clock(), ring: ring,
            Vault(unstored: ring.sealingKey(Vault.purpose)),
            TokenMint(signing: key, seconds: TokenMint.secondsDefault),
            BookKeys([key]), nil)
        return Routes(application: application).routes()
    }
}

/// `florin refusals`: every refusal of every slice, as Markdown.
enum RefusalsCommand {
    static func run(_ words: [String]) throws -> Int32 {
        _ = try Arguments(words, .init())
        Program.say("| code | status | what it says |\n|---|---|---|")
        for refusal in all {
            Program.say("| `\(refusal.code)` | \(refusal.status) | \(refusal.detail) |")
        }
        return 0
    }

    /// Each code once, in the order of the slices.
    private static var all: [any Refusal] {
        let ledger: [any Refusal] = LedgerRejection.allCases.map { LedgerRefusal($0) }
        let every =
            ledger + [LedgerOverloaded() as any Refusal] + IdentityRejection.all
            + PaymentRejection.allCases + RailRejection.allCases + SimpleRejection.allCases
        var codes: Set<String> = []
        return every.filter { codes.insert($0.code).inserted }
    }
}
