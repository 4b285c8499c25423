/// What people call the thing that they log in from.
///
/// A user agent's text is a lie agreed upon; the few words that a person needs to recognise their
/// own device are in it all the same.
enum DeviceName {
    static let unknown = "Unknown device"

    /// The name that was given, made harmless, or one guessed from what the client calls itself.
    static func make(_ given: String?, agent: String?) -> String {
        given.flatMap(clean) ?? agent.flatMap(guess) ?? unknown
    }

    /// Without characters that could make one name look like another or break a line; nil when
    /// nothing is left.
    static func clean(_ text: String) -> String? {
        let visible = text.unicodeScalars.map { scalar in
            switch scalar.properties.generalCategory {
            case .control, .format, .surrogate, .privateUse, .unassigned, .lineSeparator,
                .paragraphSeparator, .spaceSeparator:
                Unicode.Scalar(UInt8(ascii: " "))
            default: scalar
            }
        }
        let words = String(String.UnicodeScalarView(visible)).split(separator: " ")
        var name = String.UnicodeScalarView(
            words.joined(separator: " ").unicodeScalars.prefix(DeviceRules.nameCharactersMax))
        // The cut may fall behind a space.
        if name.last == " " { name.removeLast() }
        return name.isEmpty ? nil : String(name)
    }

    /// `Firefox on Android`, or the first word of a program, such as `curl`.
    static func guess(_ agent: String) -> String? {
        let system = systems.first { agent.contains($0.mark) }?.name
        let browser = browsers.first { agent.contains($0.mark) }?.name
        switch (browser, system) {
        case (let browser?, let system?): return "\(browser) on \(system)"
        case (let browser?, nil): return browser
        case (nil, _): return clean(String(agent.prefix { $0 != "/" && $0 != " " }))
        }
    }

    /// The first that is found counts: all browsers claim to be Safari, and most to be Chrome.
    private static let browsers: [(mark: String, name: String)] = [
        ("Edg", "Edge"), ("OPR/", "Opera"), ("SamsungBrowser/", "Samsung Internet"),
        ("Firefox/", "Firefox"), ("FxiOS/", "Firefox"), ("Chrome/", "Chrome"),
        ("CriOS/", "Chrome"), ("Safari/", "Safari"),
    ]
    private static let systems: [(mark: String, name: String)] = [
        ("Android", "Android"), ("iPhone", "iPhone"), ("iPad", "iPad"), ("Windows", "Windows"),
        ("Mac OS X", "Mac"), ("CrOS", "ChromeOS"), ("Linux", "Linux"),
    ]
}
