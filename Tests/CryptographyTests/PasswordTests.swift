import Testing

@testable import Cryptography

@Suite("Passwords")
struct PasswordTests {
    let hasher = PasswordHasher(memoryKiB: 64, passes: 1, threads: 2, queueMax: 64)

    @Test(
        "reads the strings of the Argon2 reference implementation",
        arguments: [
            "$argon2id$v=19$m=256,t=2,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4",
            "$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$"
                + "CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc",
        ])
    func knownAnswers(hash: String) async throws {
        #expect(try await hasher.verify("password", against: hash))
        #expect(try await !hasher.verify("passwort", against: hash))
        #expect(hasher.needsRehash(hash))
    }

    @Test func onlyTheSamePasswordVerifies() async throws {
        let hash = try await hasher.hash("correct horse\u{0}battery")
        #expect(hash.hasPrefix("$argon2id$v=19$m=64,t=1,p=1$"))
        #expect(try await hasher.verify("correct horse\u{0}battery", against: hash))
        for other in ["", "correct horse", "correct horse\u{0}batterz"] {
            #expect(try await !hasher.verify(other, against: hash))
        }
        #expect(try await hasher.hash("correct horse\u{0}battery") != hash)
        #expect(!hasher.needsRehash(hash))
        let dearer = PasswordHasher(memoryKiB: 128, passes: 1, threads: 1, queueMax: 1)
        #expect(dearer.needsRehash(hash))
    }

    @Test(
        "unreadable hashes match nothing",
        arguments: [
            "", "$", "plain", "$argon2id$v=19$m=64,t=1,p=1$", "$argon2id$v=19$m=64,t=1,p=1$c2FsdA$",
            "$2b$12$abcdefghijklmnopqrstuv",
        ])
    func unreadable(hash: String) async throws {
        #expect(try await !hasher.verify("password", against: hash))
        #expect(hasher.needsRehash(hash))
    }

    @Test func longPasswordsAreRefusedUnread() async throws {
        let long = String(repeating: "p", count: PasswordHasher.passwordBytesMax + 1)
        await #expect(throws: PasswordHasher.PasswordTooLong.self) { try await hasher.hash(long) }
        #expect(try await !hasher.verify(long, against: "$argon2id$"))
    }

    @Test func aFullLineRefusesAtOnce() async throws {
        let hasher = PasswordHasher(memoryKiB: 8192, passes: 2, threads: 1, queueMax: 1)
        // One works and one waits, so of twenty at once most must be refused, and none may be lost.
        let outcomes = await withTaskGroup(of: Bool?.self, returning: [Bool?].self) { group in
            for _ in 0..<20 {
                group.addTask {
                    do {
                        return try await hasher.hash("p").hasPrefix("$argon2id$")
                    } catch is PasswordHasher
                        .Overloaded
                    { return nil } catch { return false }
                }
            }
            return await group.reduce(into: []) { $0.append($1) }
        }
        #expect(outcomes.count == 20 && !outcomes.contains(false))
        #expect(outcomes.contains(true) && outcomes.contains(nil))
        // Whatever was refused, the next one is served.
        #expect(try await hasher.hash("p").hasPrefix("$argon2id$"))
    }

    @Test func manyAtOnceAllFinish() async throws {
        try await withThrowingTaskGroup(of: Void.self) { group in
            for index in 0..<60 {
                group.addTask {
                    let hash = try await hasher.hash("password \(index)")
                    #expect(try await hasher.verify("password \(index)", against: hash))
                }
            }
            try await group.waitForAll()
        }
    }
}
