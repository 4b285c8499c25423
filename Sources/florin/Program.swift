internal import Glibc
internal import Telemetry

/// The subcommands, and what they have in common: options, errors for people, exit codes.
enum Program {
    static let usage = """
        Florin: digital wallets and instant payments.

        florin serve [--demo] [--only all|users|transactions|reports]   run the server
        florin wallet …                        the terminal wallet; `florin wallet help`
        florin audit [--dump FILE] [--key JWKS] [--commitments FILE]
                                               re-derive every balance from the journal; of a
                                               plain dump (`pg_restore -f PLAIN CUSTOM` makes
                                               one), with keys and commitments that you kept
        florin stop-money-out --reason TEXT    hold payments back, in every process
        florin resume --reason TEXT [--despite-mismatch]
                                               look at the books, then let payments go on
        florin grant-role PERSON ROLE --reason TEXT
                                               make somebody admin, or anything else that the
                                               API calls a role; how the first admin comes to be
        florin rotate-keys                     seal everything under the first master key, then
                                               prove that the others are not needed
        florin rotate-signing-keys --reason TEXT [--at-once]
                                               sign access tokens with a new key; at once: refuse
                                               those of the keys before it
        florin apply-limits                    give the wallets that exist the limits of the
                                               settings
        florin migrate                         bring the database up to date
        florin import-people FILE [--dry-run]  people of another system with their bcrypt hashes;
                                               CSV, see docs/operations.md
        florin seed --people N --balance MINOR --currency CODE --tokens FILE
                                               people with money, for load tests; sandbox only
        florin simulate [--port PORT] [--seed N | --plan FILE] [--phones manual|random|approve|…]
                        [--florin URL]
                                               the vendors of a sandbox, which misbehave on
                                               demand; see docs/rails.md
        florin offline-root make FILE          a root of offline payments, on a machine of its own
        florin offline-root request            the issuer's keys of a year to come, to be signed
        florin offline-root sign FILE LIST     signs them, on the root's machine
        florin offline-root install ROOT LIST  takes what the root has signed
        florin bench ledger [--accounts N] [--transfers N] [--batch N] [--in-flight N]
                            [--grown [--rounds N] [--measured N]]
                                               the ledger's own speed, on databases of its own
        florin bench offline --server URL --tokens FILE [--wallets N] [--syncs N] [--in-flight N]
                                               how fast a server takes offline payments of people
                                               that `florin seed` has made
        florin qr [TEXT] [--png FILE] [--svg FILE] [--scale PIXELS]
                                               a text, or the first line of the input, as a QR
                                               code; in the terminal where no file is named
        florin qr --read FILE                  the texts of the codes in a PNG or JPEG picture
        florin routes [--openapi]              the API's table of contents
        florin refusals                        every refusal, as the table in docs/rejections.md
        florin database-url                    how libpq reaches the database
        florin version

        Settings come from the environment: PORT, FLORIN_DATA, DATABASE_URL, FLORIN_SANDBOX
        and others, see docs/operations.md.
        """

    static func run(_ arguments: [String]) async -> Int32 {
        let name = arguments.first ?? "help"
        let rest = Array(arguments.dropFirst())
        if name == "wallet" { return await WalletCommand.run(rest) }
        if rest.contains("--help") || rest.contains("-h") {
            say(usage)
            return 0
        }
        do {
            return try await run(name, rest)
        } catch let error as Arguments.Misunderstood {
            complain("florin: \(error.reason)\n`florin help` tells the commands and their options.")
            return 2
        } catch {
            complain("florin: \(error)")
            return 1
        }
    }

    private static func run(_ name: String, _ arguments: [String]) async throws -> Int32 {
        switch name {
        case "serve": return try await ServeCommand.run(arguments)
        case "audit": return try await AuditCommand.run(arguments)
        case "stop-money-out": return try await StopMoneyOutCommand.run(arguments)
        case "resume": return try await ResumeCommand.run(arguments)
        case "grant-role": return try await GrantRoleCommand.run(arguments)
        case "rotate-keys": return try await RotateCommand.run(arguments)
        case "rotate-signing-keys": return try await RotateSigningKeysCommand.run(arguments)
        case "offline-root": return try await OfflineRootCommand.run(arguments)
        case "apply-limits": return try await ApplyLimitsCommand.run(arguments)
        case "migrate": return try await MigrateCommand.run(arguments)
        case "import-people": return try await ImportPeopleCommand.run(arguments)
        case "seed": return try await SeedCommand.run(arguments)
        case "simulate": return try await SimulateCommand.run(arguments)
        case "bench": return try await BenchCommand.run(arguments)
        case "qr": return try QRCommand.run(arguments)
        case "routes": return try await RoutesCommand.run(arguments)
        case "refusals": return try RefusalsCommand.run(arguments)
        case "database-url": return try await DatabaseURLCommand.run(arguments)
        case "version", "--version": say("florin \(Florin.version)")
        case "help", "--help", "-h": say(usage)
        default: throw Arguments.Misunderstood(reason: "there is no command `\(name)`")
        }
        return 0
    }

    static func say(_ text: String) { write(text + "\n", to: STDOUT_FILENO) }

    static func complain(_ text: String) { write(text + "\n", to: STDERR_FILENO) }

    /// A line that the next one of its kind takes the place of, where a terminal shows it.
    static func complainBriefly(_ text: String) {
        write("\r" + text + "\u{1B}[K", to: STDERR_FILENO)
    }

    /// Unbuffered, so that whoever waits for the line `ready` sees it at once.
    private static func write(_ text: String, to file: Int32) {
        var rest = Array(text.utf8)[...]
        while !rest.isEmpty {
            let written = unsafe rest.withUnsafeBytes { bytes in
                unsafe Glibc.write(file, bytes.baseAddress, bytes.count)
            }
            guard written > 0 else { return }
            rest = rest.dropFirst(written)
        }
    }
}
