import Values

/// Where a value departs from its schema, and how.
struct Violation: Error, Equatable {
    /// A JSON pointer (RFC 6901) from the root of the body.
    let field: String
    /// What must hold, in words.
    let reason: String
}

extension Schema {
    /// Throws the first departure in the order of the text.
    func check(_ value: JSON) throws(Violation) {
        switch self {
        case .object(let fields, let additional):
            try Self.check(value, fields: fields, additional: additional)
        case .string(let min, let max, let pattern, let format):
            guard let text = value.string else { throw .init("must be a string") }
            try Self.check(text, min...max, pattern, format)
        case .integer(let min, let max):
            guard let integer = value.integer else { throw .init("must be an integer") }
            guard integer >= min else { throw .init("must be at least \(min)") }
            guard integer <= max else { throw .init("must be at most \(max)") }
        case .number:
            guard value.decimal != nil else { throw .init("must be a number") }
        case .boolean:
            guard value.bool != nil else { throw .init("must be true or false") }
        case .array(let element, let min, let max):
            try Self.check(value, elements: element, min...max)
        case .enumeration(let choices):
            guard let text = value.string, choices.contains(text) else {
                throw .init("must be one of \(choices.joined(separator: ", "))")
            }
        case .nullable(let schema):
            if !value.isNull { try schema.check(value) }
        case .named(_, let schema): try schema.check(value)
        case .any: break
        }
    }

    private static func check(
        _ value: JSON, fields: [Field], additional: Bool
    ) throws(Violation) {
        guard let object = value.object else { throw .init("must be an object") }
        for field in fields where field.isRequired && object[field.name] == nil {
            throw Violation("is required").below(field.name)
        }
        for (name, value) in object.members {
            do throws(Violation) {
                if let field = fields.first(where: { $0.name == name }) {
                    try field.schema.check(value)
                } else if !additional {
                    throw .init("is not a known field")
                }
            } catch { throw error.below(name) }
        }
    }

    private static func check(
        _ value: JSON, elements schema: Schema, _ counts: ClosedRange<Int>
    ) throws(Violation) {
        guard let elements = value.array else { throw .init("must be an array") }
        guard elements.count >= counts.lowerBound else {
            throw .init("must have at least \(counts.lowerBound) elements")
        }
        guard elements.count <= counts.upperBound else {
            throw .init("must have at most \(counts.upperBound) elements")
        }
        for (position, element) in elements.enumerated() {
            do throws(Violation) { try schema.check(element) } catch {
                throw error.below(String(position))
            }
        }
    }

    private static func check(
        _ text: String, _ lengths: ClosedRange<Int>, _ pattern: Pattern?, _ format: Format?
    ) throws(Violation) {
        let length = text.unicodeScalars.count
        guard length >= lengths.lowerBound else {
            throw .init("must have at least \(lengths.lowerBound) characters")
        }
        guard length <= lengths.upperBound else {
            throw .init("must have at most \(lengths.upperBound) characters")
        }
        guard !text.utf8.contains(0) else { throw .init("must not contain U+0000") }
        if let pattern, !pattern.matches(text) {
            throw .init("must match \(pattern.expression)")
        }
        if let format, !format.accepts(text) {
            throw .init("must be a valid \(format.rawValue)")
        }
    }
}

extension Violation {
    fileprivate init(_ reason: String) {
        self.init(field: "", reason: reason)
    }

    /// The same departure as its container sees it: where it is is told only when there is one,
    /// because a large body has many places and hardly ever a departure.
    fileprivate func below(_ name: String) -> Violation {
        Violation(field: "/" + Self.escaped(name) + field, reason: reason)
    }

    /// `~` and `/` have a meaning in pointers (RFC 6901 §3); a hostile name is also cut short.
    private static func escaped(_ name: String) -> String {
        var text = ""
        for character in name.prefix(nameCharactersMax) {
            switch character {
            case "~": text += "~0"
            case "/": text += "~1"
            default: text.append(character)
            }
        }
        return text
    }

    private static let nameCharactersMax = 64
}

// MARK: Text from paths, queries and headers

extension Schema {
    /// Reads a parameter's text as this schema's type, then checks it as a JSON value would be.
    func check(parameter text: String) throws(Violation) {
        try check(value(ofParameter: text))
    }

    private func value(ofParameter text: String) -> JSON {
        switch self {
        case .integer, .number: (try? JSON(parsing: text)) ?? .string(text)
        case .boolean: text == "true" ? true : text == "false" ? false : .string(text)
        case .named(_, let schema), .nullable(let schema): schema.value(ofParameter: text)
        default: .string(text)
        }
    }
}
