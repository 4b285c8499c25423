/// Reads `application/x-www-form-urlencoded` (WHATWG URL §5.1), strictly: well-formed escapes and
/// UTF-8, no name twice, and not many of them.
package enum FormText {
    package static let mediaType = "application/x-www-form-urlencoded"
    static let fieldsMax = 32

    /// Nil when the body is no form, or not one that has a single meaning.
    package static func fields(of request: Request) -> [String: String]? {
        let types = request.head.fields.values("content-type")
        guard types.count == 1, MediaType.isPlain(types[0], mediaType),
            request.header("content-encoding") == nil
        else { return nil }
        return fields(in: request.body)
    }

    static func fields(in body: [UInt8]) -> [String: String]? {
        guard let pairs = RequestTarget.parameters(body[...], countMax: fieldsMax) else {
            return nil
        }
        var fields: [String: String] = [:]
        for pair in pairs where fields.updateValue(pair.value, forKey: pair.name) != nil {
            return nil
        }
        return fields
    }

    /// One value as a form spells it; nil when it is no such spelling.
    package static func value(_ text: some StringProtocol) -> String? {
        RequestTarget.decode(Array(text.utf8)[...], plusIsSpace: true)
    }
}
