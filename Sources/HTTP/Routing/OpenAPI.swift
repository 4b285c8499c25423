/// The description of the routes for other programs: OpenAPI 3.1.
///
/// https://spec.openapis.org/oas/v3.1.0
package enum OpenAPI {
    package static func document(
        _ routes: [Route], title: String, version: String, description: String = ""
    ) -> [UInt8] {
        let document: JSON = [
            "openapi": "3.1.0",
            "info": [
                "title": .string(title), "version": .string(version),
                "description": .string(description),
            ],
            "tags": .array(tags(routes).map { ["name": .string($0)] }),
            "paths": paths(routes),
            "components": components(routes),
        ]
        return document.encoded()
    }

    /// `GET /openapi.json`, which describes the given routes and itself.
    package static func route(
        describing routes: [Route], title: String, version: String, description: String = ""
    ) -> Route {
        let itself = route(serving: [])
        let bytes = document(
            routes + [itself], title: title, version: version, description: description)
        return route(serving: bytes)
    }

    private static func route(serving bytes: [UInt8]) -> Route {
        .open(
            .get, "/openapi.json", summary: "Describe this API", tag: "Operations",
            returns: .ok(.object([], additional: true), "An OpenAPI 3.1 document.")
        ) { _ in
            .bytes(200, bytes, as: "application/json", headers: [("Cache-Control", "no-cache")])
        }
    }

    private static func tags(_ routes: [Route]) -> [String] {
        routes.reduce(into: []) { tags, route in
            if !tags.contains(route.tag) { tags.append(route.tag) }
        }
    }

    private static func paths(_ routes: [Route]) -> JSON {
        var paths = JSONObject()
        for path in routes.map(\.path) where paths[path] == nil {
            var operations = JSONObject()
            for route in routes where route.path == path {
                operations.append(route.method.rawValue.lowercased(), operation(route))
            }
            paths.append(path, .object(operations))
        }
        return .object(paths)
    }

    // MARK: Operations

    private static func operation(_ route: Route) -> JSON {
        var operation = JSONObject([
            ("operationId", .string(operationID(route))), ("summary", .string(route.summary)),
            ("tags", [.string(route.tag)]),
        ])
        if !route.parameters.isEmpty {
            operation.append("parameters", .array(route.parameters.map(parameter)))
        }
        if let body = route.requestBody {
            operation.append("requestBody", requestBody(body, "application/json"))
        }
        if let form = route.requestForm {
            operation.append("requestBody", requestBody(form, FormText.mediaType))
        }
        if route.takesFile { operation.append("requestBody", fileBody) }
        operation.append("responses", responses(route))
        if !route.access.ways.isEmpty { operation.append("security", route.access.document) }
        return .object(operation)
    }

    private static func requestBody(_ schema: Schema, _ mediaType: String) -> JSON {
        let content: JSON = ["schema": schema.document]
        return [
            "required": .bool(!schema.acceptsEmptyObject),
            "content": .object(JSONObject([(mediaType, content)])),
        ]
    }

    /// OpenAPI 3.1 §4.8.14.2: bytes as they are have no schema.
    private static var fileBody: JSON {
        ["required": true, "content": .object(JSONObject([(MediaType.file, [:])]))]
    }

    /// `POST /v1/transfers/{id}/reversals` is `post_v1_transfers_id_reversals`.
    private static func operationID(_ route: Route) -> String {
        let words = route.path.split { !($0.isLetter || $0.isNumber) }
        return ([route.method.rawValue.lowercased()] + words.map(String.init))
            .joined(separator: "_")
    }

    private static func parameter(_ parameter: Parameter) -> JSON {
        var object = JSONObject([
            ("name", .string(parameter.name)), ("in", .string(parameter.place.rawValue)),
            ("required", .bool(parameter.isRequired)), ("schema", parameter.schema.document),
        ])
        if let description = parameter.description {
            object.append("description", .string(description))
        }
        return .object(object)
    }

    // MARK: Answers

    private static func responses(_ route: Route) -> JSON {
        var responses = JSONObject([(String(route.answer.status), answer(route.answer))])
        let codes = GenericRefusals.of(route) + route.refusals
        let errors = route.dialect?.errors ?? []
        let statuses = Set(codes.map(\.status)).union(errors.map(\.status))
        for status in statuses.sorted() where responses[String(status)] == nil {
            let named = codes.filter { $0.status == status }.map(\.code)
            let error = errors.first { $0.status == status } ?? errors.last
            responses.append(String(status), problem(named, or: error))
        }
        return .object(responses)
    }

    private static func answer(_ answer: Answer) -> JSON {
        var object = JSONObject([("description", .string(answer.description))])
        if let schema = answer.schema {
            let content: JSON = ["schema": schema.document]
            object.append("content", .object(JSONObject([(answer.mediaType, content)])))
        }
        return .object(object)
    }

    private static func problem(_ codes: [String], or error: Answer?) -> JSON {
        let unique = codes.reduce(into: [String]()) { if !$0.contains($1) { $0.append($1) } }
        var texts = unique.map { "`\($0)`" }
        var content = JSONObject()
        if let error, let schema = error.schema {
            texts.append(error.description)
            content.append(error.mediaType, ["schema": schema.document])
        } else {
            let schema: JSON = ["$ref": "#/components/schemas/Problem"]
            content.append(Problem.mediaType, ["schema": schema])
        }
        return [
            "description": .string(texts.joined(separator: ", ")), "content": .object(content),
        ]
    }

    // MARK: Components

    private static func components(_ routes: [Route]) -> JSON {
        var named: [(name: String, schema: Schema)] = []
        for route in routes {
            route.requestBody?.collectNamed(into: &named)
            route.answer.schema?.collectNamed(into: &named)
            for parameter in route.parameters { parameter.schema.collectNamed(into: &named) }
        }
        var schemas = JSONObject([("Problem", problemSchema.document)])
        for (name, schema) in named { schemas.append(name, schema.document) }
        return ["schemas": .object(schemas), "securitySchemes": securitySchemes(routes)]
    }

    /// Each that a route names, once.
    private static func securitySchemes(_ routes: [Route]) -> JSON {
        var schemes = JSONObject()
        for scheme in routes.flatMap(\.access.ways).map(\.scheme)
        where schemes[scheme.name] == nil {
            schemes.append(scheme.name, scheme.document)
        }
        return .object(schemes)
    }

    private static let problemSchema = Schema.object(
        [
            .required("type", .string(), "A relative address that is the same for every such no."),
            .required("title", .string()),
            .required("status", .integer(min: 400, max: 599)),
            .required("code", .string(), "The name to switch on."),
            .required("detail", .string(), "For people: what happened and what to do next."),
            .required("request_id", .string(max: RequestID.charactersMax)),
        ], additional: true)
}

/// The refusals that need no line in a route, because they follow from what the route is.
enum GenericRefusals {
    static func of(_ route: Route) -> [Refused] {
        var refused = [
            Refused(400, "invalid_request"), Refused(406, "not_acceptable"),
            Refused(413, "content_too_large"), Refused(429, "rate_limited"),
            Refused(431, "request_header_fields_too_large"), Refused(500, "internal_error"),
            Refused(503, "unavailable"),
        ]
        if route.method != .get { refused.append(Refused(503, "outcome_unknown")) }
        if route.requestBody != nil || route.takesFile {
            refused.append(Refused(415, "unsupported_media_type"))
        }
        if route.path.contains("{") { refused.append(Refused(404, "not_found")) }
        return refused + missingParameters(route)
    }

    private static func missingParameters(_ route: Route) -> [Refused] {
        route.parameters.filter { $0.isRequired && $0.place != .path }.map {
            Refused(400, $0.codeWhenMissing)
        }
    }
}
