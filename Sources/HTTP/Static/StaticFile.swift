/// One file, as it is sent, with its compressed forms.
final class StaticFile: Sendable {
}
