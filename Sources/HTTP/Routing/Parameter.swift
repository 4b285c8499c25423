/// A named text beside the body: part of the path, of the query, or a header field.
package struct Parameter: Sendable {
    enum Place: String, Sendable { case path, query, header }

    let place: Place
    let name: String
    let schema: Schema
    let isRequired: Bool
    let description: String?
    /// What the problem is called when a required one is missing.
    let codeWhenMissing: String

    package static func path(
        _ name: String, _ schema: Schema, _ description: String? = nil
    ) -> Parameter {
        Parameter(
            place: .path, name: name, schema: schema, isRequired: true,
            description: description, codeWhenMissing: "not_found")
    }

    package static func query(
        _ name: String, _ schema: Schema, required: Bool = false, _ description: String? = nil
    ) -> Parameter {
        Parameter(
            place: .query, name: name, schema: schema, isRequired: required,
            description: description, codeWhenMissing: "invalid_request")
    }

    package static func header(
        _ name: String, _ schema: Schema, required: Bool = false,
        codeWhenMissing: String = "invalid_request", _ description: String? = nil
    ) -> Parameter {
        Parameter(
            place: .header, name: name, schema: schema, isRequired: required,
            description: description, codeWhenMissing: codeWhenMissing)
    }

    /// The name a client gives to a command before sending it; see `IdempotencyKey`.
    package static let idempotencyKey = Parameter.header(
        "Idempotency-Key",
        .string(
            min: 1, max: 255,
            pattern: Schema.Pattern("^[!-~]{1,255}$") {
                $0.utf8.allSatisfy { (0x21...0x7E).contains($0) }
            }),
        required: true, codeWhenMissing: "idempotency_key_required",
        "A new one for every command; the same one to repeat a command whose answer was lost.")
}
