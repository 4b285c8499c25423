internal import FoundationEssentials
internal import Glibc
internal import Identity
internal import Values

/// `florin import-people FILE`: people of another system, with the passwords that they have there.
///
/// The file is CSV (RFC 4180) in UTF-8, its first line the names of the columns, in any order:
/// `username`, `phone` and `password_hash`, and perhaps `email` and `role`. Each line is a
/// transaction of its own, so a bad one takes nothing from its neighbours, and what became of it is
/// said. A file that was partly imported may be imported again: who is there already is left alone.
enum ImportPeopleCommand {
    /// About 100 MB: a larger system sends several files.
    static let fileBytesMax = 100 * 1024 * 1024
    static let linesMax = 500_000

    static func run(_ words: [String]) async throws -> Int32 {
        let arguments = try Arguments(words, .init(flags: ["dry-run"], words: 1...1))
        let lines = try read(arguments[0])
        guard let head = lines.first, let columns = PeopleColumns(CSVLine.fields(of: head)) else {
            throw Arguments.Misunderstood(
                reason: "the first line names the columns username, phone, password_hash and "
                    + "perhaps email and role")
        }
        return try await Installation.with { installation in
            let application = try await installation.application()
            let isDry = arguments.flag("dry-run")
            let tally = try await take(lines.dropFirst(), columns, isDry, application.identity)
            await application.stop()
            Program.say(tally.sentence(isDry: isDry))
            return tally.refused == 0 ? 0 : 1
        }
    }

    private static func read(_ path: String) throws -> [Substring] {
        var status = stat()
        guard unsafe stat(path, &status) == 0, status.st_size <= fileBytesMax else {
            throw Arguments.Misunderstood(
                reason: "\(path) cannot be read, or is over \(fileBytesMax) bytes")
        }
        let text = String(decoding: try Data(contentsOf: URL(filePath: path)), as: UTF8.self)
        // Swift takes a carriage return and a line feed for one character.
        let lines = text.split(omittingEmptySubsequences: true, whereSeparator: \.isNewline)
        guard lines.count <= linesMax else {
            throw Arguments.Misunderstood(reason: "\(path) has over \(linesMax) lines")
        }
        return lines
    }

    private struct Tally {
        var taken = 0
        var refused = 0

        func sentence(isDry: Bool) -> String {
            isDry
                ? "\(taken) people would be imported, \(refused) lines refused; nothing was done"
                : "imported \(taken) people, refused \(refused) lines"
        }
    }

    private static func take(
        _ lines: ArraySlice<Substring>, _ columns: PeopleColumns, _ isDry: Bool,
        _ identity: Identity
    ) async throws -> Tally {
        var tally = Tally()
        var seen: Set<String> = []
        // The head is the first line.
        for (number, line) in zip(2..., lines) {
            do {
                let person = try columns.person(CSVLine.fields(of: line))
                guard person.names.allSatisfy({ seen.insert($0).inserted }) else {
                    throw PersonRefused.seenBefore
                }
                try await identity.importPerson(person, isDry: isDry)
                tally.taken += 1
            } catch let refusal as PersonRefused {
                Program.say("line \(number): \(refusal.rawValue)")
                tally.refused += 1
            } catch let refusal as IdentityRejection {
                Program.say("line \(number): \(refusal.code)")
                tally.refused += 1
            }
        }
        return tally
    }
}

/// Why a line is nobody, besides what identity refuses.
private enum PersonRefused: String, Error {
    case malformed = "not as many fields as columns, or quotes that do not end"
    case role = "role is not customer, worker or merchant"
    case hash = "password_hash is no bcrypt hash of a cost from 10 to 15"
    case seenBefore = "the file has this username, phone or email on an earlier line"
}

/// Where in a line each field stands.
private struct PeopleColumns {
    private let username: Int
    private let phone: Int
    private let hash: Int
    private let email: Int?
    private let role: Int?
    private let count: Int

    init?(_ names: [String]?) {
        guard let names, Set(names).count == names.count,
            Set(names).isSubset(of: ["username", "phone", "password_hash", "email", "role"]),
            let username = names.firstIndex(of: "username"),
            let phone = names.firstIndex(of: "phone"),
            let hash = names.firstIndex(of: "password_hash")
        else { return nil }
        self.username = username
        self.phone = phone
        self.hash = hash
        email = names.firstIndex(of: "email")
        role = names.firstIndex(of: "role")
        count = names.count
    }

    func person(_ fields: [String]?) throws -> ImportedPerson {
        guard let fields, fields.count == count else { throw PersonRefused.malformed }
        let email = email.flatMap { fields[$0].isEmpty ? nil : fields[$0] }
        let roleName = role.map { fields[$0] } ?? ""
        guard let role = Role(rawValue: roleName.isEmpty ? "customer" : roleName), !role.isStaff
        else { throw PersonRefused.role }
        guard
            let person = try ImportedPerson(
                username: fields[username], phone: fields[phone], email: email, role: role,
                passwordHash: fields[hash])
        else { throw PersonRefused.hash }
        return person
    }
}

extension ImportedPerson {
    fileprivate var names: [String] {
        [username.text, phone.e164] + (email.map { [$0.text] } ?? [])
    }
}

/// One line of CSV (RFC 4180), whose fields have no line breaks.
enum CSVLine {
    /// The fields, or nil when quotes do not end or stand where none may.
    static func fields(of line: Substring) -> [String]? {
        var fields: [String] = []
        var rest = line
        while true {
            guard let field = rest.first == "\"" ? quoted(&rest) : plain(&rest) else { return nil }
            fields.append(field)
            guard let separator = rest.popFirst() else { return fields }
            guard separator == "," else { return nil }
        }
    }

    private static func plain(_ rest: inout Substring) -> String? {
        let field = rest.prefix { $0 != "," }
        rest = rest[field.endIndex...]
        return field.contains("\"") ? nil : String(field)
    }

    /// Two quotes inside are one; a single one ends the field.
    private static func quoted(_ rest: inout Substring) -> String? {
        rest = rest.dropFirst()
        var field = ""
        while let character = rest.popFirst() {
            guard character == "\"" else {
                field.append(character)
                continue
            }
            guard rest.first == "\"" else { return field }
            rest = rest.dropFirst()
            field.append("\"")
        }
        return nil
    }
}
