import Values

/// The shape of a JSON value, told once: it checks requests, describes answers and renders to
/// OpenAPI 3.1 (JSON Schema 2020-12).
package indirect enum Schema: Sendable {
    /// Exactly these members; others are refused unless `additional`.
    case object([Field], additional: Bool = false)
    /// Lengths count Unicode scalars, as JSON Schema does. U+0000 is never accepted.
    case string(
        min: Int = 0, max: Int = Schema.charactersMaxDefault, pattern: Pattern? = nil,
        format: Format? = nil)
    /// Written without point or exponent.
    case integer(min: Int64 = .min, max: Int64 = .max)
    /// Any number, kept as its exact decimal text.
    case number
    case boolean
    case array(Schema, min: Int = 0, max: Int = Schema.elementsMaxDefault)
    case enumeration([String])
    case nullable(Schema)
    /// The same shape under a name, so that OpenAPI shows it once in `components`.
    case named(String, Schema)
    case any

    package static let charactersMaxDefault = 1000
    package static let elementsMaxDefault = 1000
}

extension Schema {
    /// One member of an object.
    package struct Field: Sendable {
        let name: String
        let schema: Schema
        let isRequired: Bool
        let description: String?

        package static func required(
            _ name: String, _ schema: Schema, _ description: String? = nil
        ) -> Field {
            Field(name: name, schema: schema, isRequired: true, description: description)
        }

        package static func optional(
            _ name: String, _ schema: Schema, _ description: String? = nil
        ) -> Field {
            Field(name: name, schema: schema, isRequired: false, description: description)
        }
    }

    /// A rule on text: the regular expression is for readers, the closure is what decides.
    ///
    /// Both must mean the same. No regular expression runs here, so none can run away.
    package struct Pattern: Sendable {
        let expression: String
        let matches: @Sendable (String) -> Bool

        package init(_ expression: String, _ matches: @escaping @Sendable (String) -> Bool) {
            self.expression = expression
            self.matches = matches
        }
    }

    /// Texts with a grammar that other programs know too.
    package enum Format: String, Sendable {
        case uuid = "uuid"
        case timestamp = "date-time"
        case email = "email"
        case uri = "uri"

        func accepts(_ text: String) -> Bool {
            switch self {
            case .uuid: ID<Never>(text) != nil
            case .timestamp: Timestamp(text) != nil
            // Their owners parse these strictly; here they only tell readers what is meant.
            case .email, .uri: true
            }
        }
    }
}

// MARK: Shapes that every slice uses

extension Schema {
    package static var uuid: Schema { .string(min: 36, max: 36, format: .uuid) }

    /// RFC 3339.
    package static var timestamp: Schema { .string(min: 10, max: 64, format: .timestamp) }

    /// An object of which only the named members are promised.
    package static func object(_ fields: Field...) -> Schema { .object(fields) }

    /// A list in the house manner: `{"data": […], "next_cursor": …}`.
    package static func page(of element: Schema) -> Schema {
        .object(
            .required("data", .array(element)),
            .required("next_cursor", .nullable(.string()), "Send it as `cursor` to go on."))
    }

    /// Whether an empty object satisfies this, which is when a body may be left out.
    var acceptsEmptyObject: Bool {
        switch self {
        case .object(let fields, _): fields.allSatisfy { !$0.isRequired }
        case .named(_, let schema), .nullable(let schema): schema.acceptsEmptyObject
        case .any: true
        default: false
        }
    }
}
