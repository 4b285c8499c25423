/// What Redis answers, as far as Florin asks for it.
package enum RedisReply: Sendable, Equatable {
    case nothing
    case integer(Int64)
    case text(String)
    case list([RedisReply])

    /// The numbers of a list of numbers.
    package var integers: [Int64]? {
        guard case .list(let replies) = self else { return nil }
        let numbers = replies.compactMap { reply -> Int64? in
            if case .integer(let number) = reply { number } else { nil }
        }
        return numbers.count == replies.count ? numbers : nil
    }
}

/// Why Redis did not do what was asked. Descriptions hold nothing that was sent.
package enum RedisError: Error, Sendable, Equatable {
    /// It cannot be reached, or was lost while it owed an answer.
    case away(String)
    /// It answered with an error, of which this is the first word, such as `OOM`.
    case refused(String)
    /// More was asked than may wait, so this was not sent.
    case overloaded
    /// The answer is of another kind than the command's.
    case unexpected
}

extension RedisError: CustomStringConvertible {
    package var description: String {
        switch self {
        case .away(let reason): "Redis cannot be reached: \(reason)"
        case .refused(let word): "Redis refused: \(word)"
        case .overloaded: "Too much waits for Redis."
        case .unexpected: "Redis answered something that was not asked."
        }
    }
}

/// One command with its arguments, made of literals and of what they are about.
package struct RedisCommand: Sendable {
    let arguments: [String]

    package static let ping = RedisCommand(arguments: ["PING"])

    /// Runs the script where the data is, so that nothing happens between its steps.
    package static func evaluate(
        _ script: StaticString, keys: [String], _ arguments: [String]
    ) -> RedisCommand {
        RedisCommand(
            arguments: ["EVAL", script.description, String(keys.count)] + keys + arguments)
    }

    static func logIn(user: String?, password: String) -> RedisCommand {
        RedisCommand(arguments: ["AUTH"] + (user.map { [$0] } ?? []) + [password])
    }

    static func select(_ database: Int64) -> RedisCommand {
        RedisCommand(arguments: ["SELECT", String(database)])
    }
}
