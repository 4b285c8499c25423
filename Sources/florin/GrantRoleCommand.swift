internal import Identity

/// `florin grant-role PERSON ROLE --reason TEXT`: how the first admin comes to be.
enum GrantRoleCommand {
    static func run(_ words: [String]) async throws -> Int32 {
        let arguments = try Arguments(words, .init(options: ["reason"], words: 2...2))
        guard let role = Role(rawValue: arguments[1]) else {
            let names = Role.allCases.map(\.rawValue).joined(separator: ", ")
            throw Arguments.Misunderstood(reason: "ROLE is one of \(names)")
        }
        let reason = "\(Deciding.actor): \(try Deciding.reason(arguments))"
        return try await Installation.with { installation in
            let application = try await installation.application()
            do {
                try await grant(role, to: arguments[0], because: reason, application.identity)
            } catch {
                await application.stop()
                throw error
            }
            await application.stop()
            return 0
        }
    }

    private static func grant(
        _ role: Role, to name: String, because reason: String, _ identity: Identity
    ) async throws {
        guard let found = try await identity.find(name) else {
            throw Arguments.Misunderstood(reason: "there is nobody called “\(name)”")
        }
        do {
            let holder = try await identity.give(
                role, to: found.id, because: String(reason.prefix(Act.reasonCharactersMax)))
            Program.say("\(holder.username) is \(holder.role.rawValue) now")
        } catch let rejection as IdentityRejection {
            throw Undone(description: rejection.detail)
        }
    }

    private struct Undone: Error, CustomStringConvertible {
        let description: String
    }
}
