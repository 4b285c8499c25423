/// Text on its way into a page.
enum PageText {
    private static let style =
        "body{font:16px sans-serif;margin:3em auto;max-width:24em}button{font:inherit;margin:4px}"

    /// A page of a simulated vendor's own.
    static func page(_ vendor: String, _ body: String) -> String {
        """
        <!doctype html><meta charset=utf-8><title>Simulated \(vendor)</title>\
        <style>\(style)</style>\(body)
        """
    }

    static func escaped(_ text: String) -> String {
        var escaped = ""
        for character in text {
            switch character {
            case "&": escaped += "&amp;"
            case "<": escaped += "&lt;"
            case ">": escaped += "&gt;"
            case "\"": escaped += "&quot;"
            case "'": escaped += "&#39;"
            default: escaped.append(character)
            }
        }
        return escaped
    }
}
