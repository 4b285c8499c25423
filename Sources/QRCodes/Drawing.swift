import CPng

/// How a code is drawn. Every drawing has the margin, and is black on white whatever is around it.
extension QRCode {
    /// Modules from edge to edge, the margin included.
    package var sideWithMargin: Int { side + 2 * Self.quietModules }

    // MARK: Pictures

    package static let pixelsPerModuleMax = 64

    /// Grey, eight bits a pixel.
    package func png(pixelsPerModule scale: Int) -> [UInt8] {
        precondition((1...Self.pixelsPerModuleMax).contains(scale))
        let pixels = pixels(scale)
        // A plain image of sizes that were just made has no reason to fail but a lack of memory.
        guard let png = Self.encode(pixels, side: sideWithMargin * scale) else {
            preconditionFailure("libpng could not write a grey image")
        }
        return png
    }

    private func pixels(_ scale: Int) -> [UInt8] {
        var pixels: [UInt8] = []
        pixels.reserveCapacity(sideWithMargin * sideWithMargin * scale * scale)
        for row in -Self.quietModules..<side + Self.quietModules {
            let line = (-Self.quietModules..<side + Self.quietModules).flatMap { column in
                repeatElement(isDark(column, row) ? 0 : 0xFF as UInt8, count: scale)
            }
            for _ in 0..<scale { pixels += line }
        }
        return pixels
    }

    private static func encode(_ pixels: [UInt8], side: Int) -> [UInt8]? {
        var image = unsafe png_image()
        unsafe image.version = png_uint_32(PNG_IMAGE_VERSION)
        unsafe image.width = png_uint_32(side)
        unsafe image.height = png_uint_32(side)
        unsafe image.format = png_uint_32(PNG_FORMAT_GRAY)
        defer { unsafe png_image_free(&image) }
        var count: png_alloc_size_t = 0
        guard unsafe png_image_write_to_memory(&image, nil, &count, 0, pixels, 0, nil) != 0
        else { return nil }
        var bytes = [UInt8](repeating: 0, count: count)
        guard unsafe png_image_write_to_memory(&image, &bytes, &count, 0, pixels, 0, nil) != 0
        else { return nil }
        return Array(bytes.prefix(count))
    }

    /// One path, a rectangle for each run of dark modules; it has no size of its own.
    package var svg: String {
        var path = ""
        for row in 0..<side {
            for run in darkRuns(row) {
                let (column, length) = (run.lowerBound + Self.quietModules, run.count)
                path += "M\(column) \(row + Self.quietModules)h\(length)v1h-\(length)z"
            }
        }
        let edge = sideWithMargin
        return """
            <svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 \(edge) \(edge)" \
            shape-rendering="crispEdges"><path fill="#fff" d="M0 0h\(edge)v\(edge)H0z"/>\
            <path d="\(path)"/></svg>

            """
    }

    private func darkRuns(_ row: Int) -> [Range<Int>] {
        var runs: [Range<Int>] = []
        var column = 0
        while column < side {
            let start = column
            while column < side, isDark(column, row) { column += 1 }
            if column > start { runs.append(start..<column) }
            column += 1
        }
        return runs
    }

    // MARK: Text

    /// One character for two modules, one above the other: characters are about twice as high as
    /// wide, so the code comes out square.
    ///
    /// A terminal's own colours may be dark on light or light on dark, and most readers want a code
    /// dark on light. So the colours are set, as fixed ones of the palette of 256 that no theme
    /// changes. Where no colours may be set, blocks stand for what is light, which is right on dark
    /// terminals.
    package func terminalLines(hasColours: Bool) -> [String] {
        let first = -Self.quietModules
        return stride(from: first, to: side + Self.quietModules, by: 2).map { row in
            let characters = (first..<side + Self.quietModules).map { column in
                // An odd number of rows leaves half a line, which has to be light as well.
                let (upper, lower) = (isDark(column, row), isDark(column, row + 1))
                return Self.block(hasColours ? upper : !upper, hasColours ? lower : !lower)
            }
            let line = characters.joined()
            return hasColours ? "\u{1B}[38;5;16;48;5;231m\(line)\u{1B}[0m" : line
        }
    }

    private static func block(_ upper: Bool, _ lower: Bool) -> String {
        switch (upper, lower) {
        case (true, true): "█"
        case (true, false): "▀"
        case (false, true): "▄"
        case (false, false): " "
        }
    }
}
