// swift-tools-version: 6.2
import PackageDescription

// The targets stand in reading order, and a target imports only targets listed above it.
// `TidyTests` holds the sources to that order.

/// Settings of every target; each is a decision of the language's evolution that we want now.
let strict: [SwiftSetting] = [
    .swiftLanguageMode(.v6),
    .enableUpcomingFeature("ExistentialAny"),  // SE-0335
    .enableUpcomingFeature("MemberImportVisibility"),  // SE-0444
    .enableUpcomingFeature("InternalImportsByDefault"),  // SE-0409
    .enableUpcomingFeature("NonisolatedNonsendingByDefault"),  // SE-0461
    .strictMemorySafety(),  // SE-0458
    .treatAllWarnings(as: .error),  // SE-0480
]

func library(_ name: String, _ dependencies: [Target.Dependency] = []) -> Target {
    .target(name: name, dependencies: dependencies, swiftSettings: strict)
}

func tests(
    _ name: String, _ dependencies: [Target.Dependency], exclude: [String] = [],
    settings: [SwiftSetting] = []
) -> Target {
    .testTarget(
        name: name, dependencies: dependencies, path: "Tests/" + name, exclude: exclude,
        swiftSettings: strict + settings)
}

/// The decoders that strangers' bytes reach are tried in `Tests/FuzzTests`. Where FLORIN_FUZZING is
/// set, that folder is a program of libFuzzer's in place of tests; see `scripts/fuzz`.
let isFuzzing = Context.environment["FLORIN_FUZZING"] != nil
let fuzzed: [Target.Dependency] = [
    "Values", "Cryptography", "Postgres", "HTTP", "Identity", "OfflineProtocol",
]

func fuzzer(_ folder: String, exclude: [String]) -> Target {
    .executableTarget(
        name: "fuzz", dependencies: fuzzed, path: "Tests/" + folder, exclude: exclude,
        swiftSettings: strict)
}

let package = Package(
    name: "florin",
    products: [
        .executable(name: "florin", targets: ["florin"]),
        .library(name: "FlorinClient", targets: ["FlorinClient"]),
    ],
    targets: [
        // C libraries, from Debian's -dev packages.
        .systemLibrary(name: "CLinux"),
        .systemLibrary(name: "CPostgres", pkgConfig: "libpq"),
        .systemLibrary(name: "CHiredis"),
        .systemLibrary(name: "CMicrohttpd", pkgConfig: "libmicrohttpd"),
        .systemLibrary(name: "CSodium", pkgConfig: "libsodium"),
        .systemLibrary(name: "COpenSSL", pkgConfig: "libcrypto"),
        .systemLibrary(name: "CCrypt", pkgConfig: "libcrypt"),
        .systemLibrary(name: "CZxcvbn"),
        .systemLibrary(name: "CCurl", pkgConfig: "libcurl"),
        .systemLibrary(name: "CZlib", pkgConfig: "zlib"),
        .systemLibrary(name: "CMimalloc"),
        .systemLibrary(name: "CBrotli", pkgConfig: "libbrotlienc"),
        .systemLibrary(name: "CQRencode", pkgConfig: "libqrencode"),
        .systemLibrary(name: "CPng", pkgConfig: "libpng"),

        // Vocabulary.
        library("Values"),
        // Arithmetic of the curve: without the optimiser its tests take minutes.
        .target(
            name: "OfflineProtocol",
            swiftSettings: strict + [.unsafeFlags(["-O"], .when(configuration: .debug))]),

        // Machines: each wraps something foreign and knows nothing of money.
        library("Telemetry", ["Values"]),
        library("Cryptography", ["CSodium", "COpenSSL", "CCrypt", "CZxcvbn", "Values"]),
        library("QRCodes", ["CQRencode", "CPng"]),
        library("Threads", ["CLinux"]),
        library("Postgres", ["CLinux", "CPostgres", "Values", "Telemetry", "Threads"]),
        library("Redis", ["CHiredis", "Values", "Telemetry", "Threads"]),
        library(
            "HTTP",
            [
                "CLinux", "CMicrohttpd", "CCurl", "CZlib", "CBrotli", "Values", "Telemetry",
                "Redis",
            ]),

        // Slices: a slice owns its tables, routes, jobs and words.
        library("Jobs", ["Values", "Telemetry", "Cryptography", "Postgres"]),
        library("Ledger", ["Values", "Telemetry", "Cryptography", "Postgres", "Jobs"]),
        library(
            "Notifications",
            ["Values", "Telemetry", "Cryptography", "Postgres", "HTTP", "Jobs"]),
        library(
            "Identity",
            [
                "Values", "Telemetry", "Cryptography", "Postgres", "Redis", "HTTP", "Jobs",
                "Notifications",
            ]),
        library(
            "Payments",
            [
                "Values", "Telemetry", "Cryptography", "Postgres", "HTTP", "Jobs", "Ledger",
                "Notifications", "Identity",
            ]),
        library(
            "Rails",
            [
                "Values", "Telemetry", "Cryptography", "Postgres", "HTTP", "Jobs", "Ledger",
                "Identity", "Payments",
            ]),
        library(
            "Offline",
            [
                "Values", "OfflineProtocol", "Telemetry", "Cryptography", "Postgres", "HTTP",
                "Jobs", "Ledger", "Identity", "Payments",
            ]),
        library(
            "Channels",
            [
                "Values", "Telemetry", "Postgres", "HTTP", "Ledger", "Identity", "Payments",
            ]),

        // The outside: adapters of the seam of `Rails`, and who they talk to in a sandbox. The two
        // share no code, so that one misreading of a format is not made twice.
        library("Providers", ["Values", "Cryptography", "HTTP", "Rails"]),
        library("Simulators", ["Values", "Telemetry", "Cryptography", "HTTP"]),

        // What other programs use, and what `florin wallet` and the tests use too.
        library("FlorinClient", ["Values", "HTTP"]),

        // Assembly.
        .executableTarget(
            name: "florin",
            dependencies: [
                "CLinux", "CMimalloc", "Values", "OfflineProtocol", "Telemetry", "Cryptography",
                "QRCodes", "Postgres", "Redis", "HTTP", "Jobs", "Ledger", "Notifications",
                "Identity", "Payments", "Rails", "Offline", "Channels", "Providers", "Simulators",
                "FlorinClient",
            ],
            swiftSettings: strict),

        // Tests mirror the targets.
        .target(
            name: "TestSupport",
            dependencies: ["Values", "Postgres", "HTTP", "FlorinClient"],
            path: "Tests/TestSupport",
            swiftSettings: strict),
        tests("ValuesTests", ["Values"]),
        tests(
            "OfflineProtocolTests", ["OfflineProtocol", "Cryptography", "TestSupport"]),
        tests("TelemetryTests", ["Telemetry", "Values"]),
        tests("CryptographyTests", ["Cryptography", "Values"]),
        tests("QRCodesTests", ["QRCodes"]),
        tests("PostgresTests", ["Postgres", "Values", "TestSupport"]),
        tests("RedisTests", ["Redis", "Telemetry", "Values", "TestSupport"]),
        tests("HTTPTests", ["HTTP", "Redis", "Values", "TestSupport"]),
        // Hundreds of thousands of payments: without the optimiser they take minutes.
        tests(
            "OfflineTests",
            [
                "Offline", "OfflineProtocol", "Cryptography", "Identity", "Ledger", "Values",
                "TestSupport",
            ],
            settings: [.unsafeFlags(["-O"], .when(configuration: .debug))]),
        tests("LedgerTests", ["Ledger", "Cryptography", "Postgres", "Values", "TestSupport"]),
        tests(
            "RailsTests",
            [
                "Values", "Cryptography", "Postgres", "Redis", "HTTP", "Jobs", "Ledger",
                "Notifications", "Identity", "Payments", "Rails", "Providers", "Simulators",
                "TestSupport",
            ]),
        tests(
            "EndToEndTests",
            [
                "OfflineProtocol", "Cryptography", "FlorinClient", "HTTP", "Identity", "Postgres",
                "QRCodes", "Simulators", "Values", "TestSupport",
            ]),
        isFuzzing
            ? fuzzer("FuzzTests", exclude: ["README.md", "Corpus", "Replay"])
            : tests("FuzzTests", fuzzed, exclude: ["README.md", "Corpus", "Program"]),
        tests("TidyTests", []),
    ]
)
