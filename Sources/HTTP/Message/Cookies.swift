/// Cookies (RFC 6265), as far as a session needs them.
extension Request {
    /// The value of that cookie; nil also when it comes twice, since then somebody else may have
    /// set one of them.
    package func cookie(_ name: String) -> String? {
        var values: [Substring] = []
        for field in head.fields.values("cookie") {
            // By scalars: as a character, a semicolon may have an accent and be another one.
            for pair in field.unicodeScalars.split(separator: ";") {
                let text = pair.drop { $0 == " " || $0 == "\t" }
                guard let equals = text.firstIndex(of: "="),
                    text[..<equals].elementsEqual(name.unicodeScalars)
                else { continue }
                values.append(Substring(text[text.index(after: equals)...]))
            }
        }
        guard values.count == 1 else { return nil }
        let value = values[0].trimmingBlanks
        return value.isEmpty ? nil : value
    }
}

extension Substring {
    fileprivate var trimmingBlanks: String { ASCII.trimmed(self) }
}

/// A cookie that no other site's page can use and that is sent to this host alone.
package struct SetCookie: Sendable {
    package let name: String
    package let value: String
    /// Nil: until the browser is closed.
    package let secondsMax: Int64?
    /// Whether scripts of the page may not read it.
    package let isHidden: Bool
    /// Whether it travels over TLS alone.
    package let isSecure: Bool

    package init(
        _ name: String, _ value: String, secondsMax: Int64?, isHidden: Bool, isSecure: Bool
    ) {
        self.name = name
        self.value = value
        self.secondsMax = secondsMax
        self.isHidden = isHidden
        self.isSecure = isSecure
    }

    package var field: (String, String) {
        var text = "\(name)=\(value); Path=/; SameSite=Strict"
        if isHidden { text += "; HttpOnly" }
        if isSecure { text += "; Secure" }
        if let secondsMax { text += "; Max-Age=\(secondsMax)" }
        return ("Set-Cookie", text)
    }
}
