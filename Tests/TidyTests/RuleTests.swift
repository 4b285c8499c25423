import Testing

/// Checks need tests: each rule finds what was planted for it and lets its lawful neighbour pass.
@Suite struct RuleTests {
    @Test func importOrder() {
        let package = """
            let product = .library(name: "Ledger", targets: ["Ledger"])
            let package = Package(products: [product], targets: [
                .systemLibrary(name: "CPostgres"), library("Values"),
                library("Postgres", ["Values"]), library("Ledger"), tests("LedgerTests", []),
            ])
            """
        let repository = planted([
            "Package.swift": package,
            "Sources/Values/Money.swift": "import CPostgres\nimport Ledger\nlet a = 1",
            "Sources/Ledger/Rules.swift": "package import Values\n// import LedgerTests\nlet a = 1",
            "Sources/Strange/File.swift": "let a = 1",
        ])
        #expect(repository.targets == ["CPostgres", "Values", "Postgres", "Ledger", "LedgerTests"])
        expect(
            Rule.importsPointUpwards, in: repository,
            finds: ["Sources/Values/Money.swift:2", "Sources/Strange/File.swift:1"])
    }

    @Test func sqlOwnership() {
        let text = #"""
            let ours: SQL = "SELECT id FROM payments.requests WHERE owner = \(owner)"
            let theirs: SQL = "SELECT phone FROM identity.users"
            let event = "identity.user_joined"
            let joined: SQL = """
                SELECT 1 FROM payments.requests r
                JOIN ledger.accounts a USING (id)
                """
            let column: SQL = "SELECT requests.id, ledger.amount FROM payments.requests"
            """#
        let repository = planted(["Sources/Payments/PaymentStore.swift": text])
        expect(
            Rule.sqlStaysInItsSchema, in: repository,
            finds: [2, 4, 8].map { "Sources/Payments/PaymentStore.swift:\($0)" })
    }

    @Test func tableSchema() {
        let text = """
            let good = "CREATE TABLE ledger.accounts (id uuid)"
            let bad = "create table if not exists accounts (id uuid)"
            let also = "CREATE UNLOGGED TABLE cache (id uuid)"
            let passing = "CREATE TEMPORARY TABLE batch (id uuid)"
            let words = "create a table of contents"
            """
        let repository = planted(["Sources/Ledger/LedgerSchema.swift": text])
        expect(
            Rule.tablesHaveASchema, in: repository,
            finds: [2, 3].map { "Sources/Ledger/LedgerSchema.swift:\($0)" })
    }

    @Test(arguments: [
        "let rate: Double = 1", "let rate: Float", "let rate: Decimal", "let now = Date()",
        "let a = try? b()", "print(a)", "fatalError()", "struct UserManager {}",
        "struct PhoneHelper {}", "enum DateUtil {}", "sleep(1)", "usleep(5)",
    ])
    func bannedWord(code: String) {
        let repository = planted(["Sources/Identity/User.swift": "// A user.\n" + code])
        expect(
            Rule.slicesAvoidBannedWords, in: repository, finds: ["Sources/Identity/User.swift:2"])
        let machine = planted(["Sources/HTTP/Server.swift": code])
        expect(Rule.slicesAvoidBannedWords, in: machine, finds: [])
    }

    @Test func bannedWordInProse() {
        let text = ##"""
            // A Double would lose cents; print(nothing).
            /* try? is banned. /* Even nested: Decimal. */ Manager */
            let note = "Date( and Double"
            try await Task.sleep(for: .milliseconds(5))
            let raw = #"fatalError("Float")"#
            """##
        let repository = planted(["Sources/Identity/User.swift": text])
        expect(Rule.slicesAvoidBannedWords, in: repository, finds: [])
    }

    @Test func bannedWordInInterpolation() {
        let repository = planted(["Sources/Identity/User.swift": #"let a = "x \(Double(1)) y""#])
        expect(
            Rule.slicesAvoidBannedWords, in: repository, finds: ["Sources/Identity/User.swift:1"])
    }

    @Test func sleepingTest() {
        let repository = planted([
            "Tests/LedgerTests/A.swift": "// sleep\ntry await Task.sleep(for: .seconds(1))",
            "Sources/HTTP/B.swift": "sleep(1)",
        ])
        expect(Rule.testsDoNotSleep, in: repository, finds: ["Tests/LedgerTests/A.swift:2"])
    }

    @Test func uncheckedSendable() {
        let promise = "final class Box: @unchecked Sendable {\n"
        let repository = planted([
            "Sources/HTTP/Bare.swift": "import Values\n\n" + promise + "    var a = 1\n}",
            "Sources/HTTP/Proved.swift": promise + "    // Only the loop's thread reads it.\n}",
        ])
        expect(
            Rule.uncheckedSendableHasAProof, in: repository, finds: ["Sources/HTTP/Bare.swift:3"])
    }

    @Test func machinePath() {
        let home = "/" + "home" + "/"
        let repository = planted([
            "docs/a.md": "Run \(home)ann/florin.",
            "docs/b.md": "See https://example.org\(home)page and ./work/it.",
        ])
        expect(Rule.noPathsOfOneMachine, in: repository, finds: ["docs/a.md:1"])
    }

    @Test func longLine() {
        let exact = "//" + String(repeating: "ƒ", count: Rule.lineCharactersMax - 2)
        let repository = planted(["Sources/Values/A.swift": exact + "\n" + exact + "ƒ\n"])
        expect(Rule.linesAreShort, in: repository, finds: ["Sources/Values/A.swift:2"])
    }

    @Test func longFile() {
        let lines = String(repeating: "let a = 1\n", count: Rule.fileLinesMax)
        let repository = planted([
            "Sources/Values/A.swift": lines, "Sources/Values/B.swift": lines + "let b = 1\n",
        ])
        expect(
            Rule.filesAreShort, in: repository,
            finds: ["Sources/Values/B.swift:\(Rule.fileLinesMax)"])
    }

    @Test func emptyFile() {
        let repository = planted([
            "Sources/Values/A.swift": "// struct Values\n", "Sources/Values/B.swift": "enum B {}",
        ])
        expect(Rule.filesDeclareSomething, in: repository, finds: ["Sources/Values/A.swift:1"])
    }

    @Test func longFunction() {
        let body = String(repeating: "    work()\n", count: Rule.functionLinesMax - 2)
        let text = """
            protocol Worker { func requirement(_ a: Int) }
            struct A: Worker {
            func exact() {
            \(body)}
            func tooLong(_ done: () -> Void = { _ = "}" }) throws {
                work()
            \(body)}
            }
            """
        let repository = planted(["Sources/Values/A.swift": text])
        let line = Rule.functionLinesMax + 3
        expect(Rule.functionsAreShort, in: repository, finds: ["Sources/Values/A.swift:\(line)"])
    }

    @Test func functionsAreCounted() {
        let text = """
            struct A {
                init?(_ a: Int) { self.init(a) }
                static func make() -> A {
                    A(1)!
                }
                deinit {}
            }
            """
        let file = SourceFile(path: "Sources/Values/A.swift", text: text)
        #expect(Function.all(in: file).map(\.name) == ["init", "make", "deinit"])
        #expect(Function.all(in: file).map(\.lines) == [1, 3, 1])
    }

    @Test func unexplainedRefusal() {
        let swift = """
            enum PayRejection: String { case limit = "limit_exceeded", other = "insufficient" }
            var code: String {
                switch self {
                case .phoneTaken: "phone_taken"
                case .codeExpired: "code_expired"
                }
            }
            let facts = [Fact("retry_after", 1), .tooWeak(reason: "too_short")]
            """
        let book = "| `limit_exceeded` | 409 |\n| `phone_taken` | 409 |\n| `long_gone` | 409 |\n"
        let repository = planted([
            "Sources/Payments/Refusals.swift": swift, "docs/rejections.md": book,
            "Sources/HTTP/Message/Problem.swift": """
            let a = Problem(status: 501, code: "not_spoken", detail: "Say it otherwise.")
            struct Full { let code = "overloaded" }
            """,
        ])
        expect(
            Rule.refusalsAreExplained, in: repository,
            finds: [
                "Sources/Payments/Refusals.swift:1", "Sources/Payments/Refusals.swift:5",
                "Sources/HTTP/Message/Problem.swift:1", "Sources/HTTP/Message/Problem.swift:2",
                "docs/rejections.md:3",
            ])
    }

    @Test func factNamedLikeTheProblem() {
        let swift = """
            // Fact("status", 1) is no call.
            let good = [Fact("wallet_status", "lost"), Fact(name, "status")]
            let bad = Fact("status", "lost")
            let worse = [Fact("a", 1), Fact(
                "detail", "x")]
            """
        expect(
            Rule.factsHaveNamesOfTheirOwn, in: planted(["Sources/Payments/Refusals.swift": swift]),
            finds: ["Sources/Payments/Refusals.swift:3", "Sources/Payments/Refusals.swift:5"])
    }

    @Test func promises() {
        let kept = """
            enum Kept {
                /// A day.
                static let codeSeconds: Int64 = 86_400
                package static let exportSeconds = 2 * 86_400
            }
            """
        let page = """
            | what | how long |
            | codes | a day (`codeSeconds = 86_400`) |
            | copies | three days (`exportSeconds = 3 * 86_400`) |
            | `jobs.events` | for ever |
            | letters | a year (`letterSeconds = 365 * 86_400`) |
            """
        let repository = planted([
            "Sources/Identity/Kept.swift": kept, "docs/privacy.md": page,
        ])
        expect(
            Rule.keptAsLongAsPromised, in: repository,
            finds: ["docs/privacy.md:3", "docs/privacy.md:5"])
    }

    @Test func untrueSecurityTable() {
        let items = SecurityTable.items.filter { $0 != "2.1.2" && $0 != "9.2.4" }
        let page = items.map { item in
            switch item {
            case "2.1.1": "| 2.1.1 | long | met | `PasswordTests/longOnes` |"
            case "2.1.3": "| 2.1.3 | whole | met | `PasswordTests/wholeOnes` |"
            case "2.1.4": "| 2.1.4 | any | met | everybody knows |"
            case "2.1.5": "| 2.1.5 | change | nearly | by hand |"
            case "2.1.6": "| 2.1.6 | old one | not applicable | |"
            case "2.1.7":
                "| 2.1.7 | breached | met | `test_lists.py/it_reads`, `test_lists.py/no` |"
            default: "| \(item) | something | met | By construction: of course. |"
            }
        }
        let repository = planted([
            "docs/security.md": (page + ["| 9.9.9 | x | not met | y |"]).joined(separator: "\n"),
            "Tests/PasswordTests.swift": "struct PasswordTests { @Test func longOnes() {} }",
            "Tests/api/test_lists.py": "def it_reads(florin):\n    pass\n",
        ])
        expect(
            Rule.securityTableIsTrue, in: repository,
            finds: [1, 1, 2, 3, 4, 5, 6, page.count + 1].map { "docs/security.md:\($0)" })
    }

    @Test func untrueThreatTable() {
        let page = (1...ThreatRow.count).filter { $0 != 7 }.map { number in
            switch number {
            case 1: "| 1 | a copy | a proof | little | `CopyTests/itIsFound` |"
            case 2: "| 2 | a jump | a proof | little | `CopyTests/itIsLost` |"
            case 3: "| 3 | a fork | a proof | little | somebody looked |"
            case 4: "| 4 | a fake | | little | `CopyTests/itIsFound` |"
            default: "| \(number) | something | something | nothing | Not tested: too dear. |"
            }
        }
        let repository = planted([
            "docs/threat-model.md": page.joined(separator: "\n"),
            "Tests/CopyTests.swift": "struct CopyTests { @Test func itIsFound() {} }",
        ])
        expect(
            Rule.threatTableIsTrue, in: repository,
            finds: [1, 2, 3, 4].map { "docs/threat-model.md:\($0)" })
    }

    private func planted(_ texts: [String: String]) -> Repository {
        Repository(texts.map { SourceFile(path: $0.key, text: $0.value) })
    }

    private func expect(_ rule: Rule, in repository: Repository, finds expected: [String]) {
        let found = rule.findings(repository).map { "\($0.path):\($0.line)" }
        #expect(found.sorted() == expected.sorted())
    }
}
