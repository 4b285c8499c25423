package import Values

/// What a route answers when it succeeds, for readers of the API's description.
package struct Answer: Sendable {
    package let status: Int
    let mediaType: String
    /// Nil for an answer without a body.
    let schema: Schema?
    let description: String

    package init(
        status: Int, mediaType: String = "application/json", schema: Schema?, description: String
    ) {
        self.status = status
        self.mediaType = mediaType
        self.schema = schema
        self.description = description
    }

    package static func ok(_ schema: Schema, _ description: String = "Here it is.") -> Answer {
        Answer(status: 200, schema: schema, description: description)
    }

    package static func created(
        _ schema: Schema, _ description: String = "It exists now."
    ) -> Answer {
        Answer(status: 201, schema: schema, description: description)
    }

    package static func noContent(_ description: String = "Done.") -> Answer {
        Answer(status: 204, schema: nil, description: description)
    }

    package static func text(_ description: String) -> Answer {
        Answer(status: 200, mediaType: "text/plain", schema: .string(), description: description)
    }

    package static func events(_ description: String) -> Answer {
        Answer(
            status: 200, mediaType: "text/event-stream", schema: .string(),
            description: description)
    }
}

/// One documented "no" of a route.
package struct Refused: Sendable, Hashable {
    package let status: Int
    package let code: String

    package init(_ status: Int, _ code: String) {
        self.status = status
        self.code = code
    }

    package init(_ refusal: any Refusal) {
        self.init(refusal.status, refusal.code)
    }

    package static func all<R: Refusal & CaseIterable>(_ refusals: R.Type) -> [Refused] {
        R.allCases.map { Refused($0) }
    }
}
