import Testing

/// The project's own text, held to the rules that STYLE.md gives the reasons for.
@Suite struct TidyTests {
    @Test(arguments: Rule.all.map(\.name))
    func projectHolds(rule name: String) throws {
        let rule = try #require(Rule.all.first { $0.name == name })
        let findings = rule.findings(.project)
        let list = findings.map(\.description).joined(separator: "\n")
        #expect(findings.isEmpty, "\(rule.name):\n\(list)")
    }

    /// A rule that reads nothing would hold forever.
    @Test func projectIsRead() {
        #expect(Repository.project.targets.contains("Ledger"))
        #expect(Repository.project.targets.last == "TidyTests")
        #expect(Slices.all.isSubset(of: Repository.project.targets))
        #expect(Set(Repository.project.sliceFiles.compactMap(\.target)) == Slices.all)
        #expect(Repository.project.files.contains { $0.path == "web/index.html" })
    }
}

extension Rule {
    static let all: [Rule] = [
        importsPointUpwards, sqlStaysInItsSchema, tablesHaveASchema, slicesAvoidBannedWords,
        testsDoNotSleep, uncheckedSendableHasAProof, noPathsOfOneMachine, linesAreShort,
        filesAreShort, filesDeclareSomething, functionsAreShort, ratchetHoldsOnlyLongFunctions,
        refusalsAreExplained, factsHaveNamesOfTheirOwn, keptAsLongAsPromised, securityTableIsTrue,
        threatTableIsTrue,
    ]
}
