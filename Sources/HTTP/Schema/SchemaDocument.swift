extension Schema {
    /// This schema as JSON Schema 2020-12, the dialect of OpenAPI 3.1; named parts become
    /// references.
    var document: JSON {
        switch self {
        case .object(let fields, let additional):
            Self.document(of: fields, additional: additional)
        case .string(let min, let max, let pattern, let format):
            Self.document(min: min, max: max, pattern: pattern, format: format)
        case .integer(let min, let max): Self.document(min: min, max: max)
        case .number: ["type": "number"]
        case .boolean: ["type": "boolean"]
        case .array(let element, let min, let max):
            Self.document(of: element, min: min, max: max)
        case .enumeration(let choices):
            ["type": "string", "enum": .array(choices.map(JSON.string))]
        case .nullable(let schema): ["anyOf": [schema.document, ["type": "null"]]]
        case .named(let name, _): ["$ref": .string("#/components/schemas/\(name)")]
        case .any: [:]
        }
    }

    private static func document(of fields: [Field], additional: Bool) -> JSON {
        let required = fields.filter(\.isRequired).map { JSON.string($0.name) }
        var object = JSONObject([("type", "object")])
        object.append("properties", .object(JSONObject(fields.map { ($0.name, $0.document) })))
        if !required.isEmpty { object.append("required", .array(required)) }
        object.append("additionalProperties", .bool(additional))
        return .object(object)
    }

    private static func document(
        min: Int, max: Int, pattern: Pattern?, format: Format?
    ) -> JSON {
        var object = JSONObject([("type", "string")])
        if min > 0 { object.append("minLength", .integer(Int64(min))) }
        object.append("maxLength", .integer(Int64(max)))
        if let format { object.append("format", .string(format.rawValue)) }
        if format == nil {
            object.append("pattern", .string(pattern?.expression ?? "^[^\\u0000]*$"))
        }
        return .object(object)
    }

    private static func document(of element: Schema, min: Int, max: Int) -> JSON {
        var object = JSONObject([("type", "array"), ("items", element.document)])
        if min > 0 { object.append("minItems", .integer(Int64(min))) }
        object.append("maxItems", .integer(Int64(max)))
        return .object(object)
    }

    private static func document(min: Int64, max: Int64) -> JSON {
        [
            "type": "integer", "format": "int64", "minimum": .integer(min),
            "maximum": .integer(max),
        ]
    }

    /// Every named part below this one, outermost first.
    func collectNamed(into named: inout [(name: String, schema: Schema)]) {
        switch self {
        case .named(let name, let schema):
            guard !named.contains(where: { $0.name == name }) else { return }
            named.append((name, schema))
            schema.collectNamed(into: &named)
        case .object(let fields, _):
            for field in fields { field.schema.collectNamed(into: &named) }
        case .array(let schema, _, _), .nullable(let schema): schema.collectNamed(into: &named)
        default: break
        }
    }
}

extension Schema.Field {
    /// A description may stand beside `$ref` in this dialect.
    fileprivate var document: JSON {
        guard case .object(var object) = schema.document, let description else {
            return schema.document
        }
        object.append("description", .string(description))
        return .object(object)
    }
}
