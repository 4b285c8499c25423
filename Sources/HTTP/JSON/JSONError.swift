/// Why a text is no JSON, and at which byte that became clear.
package struct JSONError: Error, Equatable {
    package enum Reason: String, Sendable, CaseIterable {
        case notUTF8 = "not_utf8"
        case unexpectedEnd = "unexpected_end"
        case unexpectedByte = "unexpected_byte"
        case trailingBytes = "trailing_bytes"
        case tooDeep = "too_deep"
        case controlCharacter = "control_character"
        case invalidEscape = "invalid_escape"
        case loneSurrogate = "lone_surrogate"
        case invalidNumber = "invalid_number"
        case numberTooLong = "number_too_long"
        case duplicateName = "duplicate_name"
    }

    package let reason: Reason
    /// Bytes from the start of the text.
    package let offset: Int
}
