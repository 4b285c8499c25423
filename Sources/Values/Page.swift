/// One page of a list, and where the next one starts; nil at the end.
package struct Page<Element: Sendable>: Sendable {
    package let elements: [Element]
    package let nextCursor: String?

    package static var limitDefault: Int { 20 }
    package static var limitMax: Int { 200 }

    package init(_ elements: [Element], nextCursor: String?) {
        self.elements = elements
        self.nextCursor = nextCursor
    }
}
