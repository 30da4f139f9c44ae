package io.migratekit.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.migratekit.nbd.Extent;
import java.io.IOException;
import java.io.StringReader;
import java.util.List;
import java.util.Random;
import javax.xml.parsers.DocumentBuilderFactory;
import javax.xml.parsers.ParserConfigurationException;
import org.junit.jupiter.api.Test;
import org.w3c.dom.Document;
import org.w3c.dom.Element;
import org.w3c.dom.NodeList;
import org.xml.sax.InputSource;
import org.xml.sax.SAXException;

/** Is the SVG well-formed, complete, bounded and self-contained? */
class DiskSvgTest {
    private static final String ALLOCATION = "base:allocation";

    @Test
    void everyCellIsDrawnOnce() throws Exception {
        Random random = Extents.random("DiskSvgTest");
        for (int round = 0; round < 20; round++) {
            long size = random.nextLong(Math.max(1, (64L << 40) >> random.nextInt(46))) + 1;
            List<Extent> extents = Extents.random(random, size, new long[] {3, 3, 2, 0});
            Document svg = parsed(svg(extents, size, "disk", 64, 32));
            long cells = Math.min(size, 64 * 32);
            long area = 0;
            NodeList rects = svg.getElementsByTagName("rect");
            for (int i = 0; i < rects.getLength(); i++) {
                Element rect = (Element) rects.item(i);
                // A pale colour lies upon another rectangle of the same place.
                if (rect.getAttribute("height").equals("13")
                        && !rect.getAttribute("class").contains(" l")) {
                    area += Long.parseLong(rect.getAttribute("width"));
                }
            }
            assertEquals(cells * 13, area);
        }
    }

    @Test
    void theFileIsBoundedWhateverTheMap() throws Exception {
        DiskSvgs worst = new DiskSvgs(128, 128);
        String svg = worst.ofAlternatingExtents(1_000_000);
        assertTrue(svg.length() < 3_000_000, "length=" + svg.length());
        parsed(svg);
        String simple = svg(Extents.of(64L << 40, 3), 64L << 40, "disk", 64, 32);
        assertTrue(simple.length() < 10_000, "length=" + simple.length());
    }

    @Test
    void tooltipsTellOffsetAndShares() throws Exception {
        String svg = svg(Extents.of(512, 0, 512, 2, 1024, 3), 2048, "disk", 2, 1);
        assertTrue(svg.contains("<title>offset 0, 1 KiB\ndata 512 B, 50.0%\nzero 512 B, 50.0%</title>"), svg);
        assertTrue(svg.contains("<title>offset 1024 (1K), 1 KiB\nhole,zero 1 KiB, 100%</title>"), svg);
        parsed(svg);
    }

    @Test
    void titlesAreEscapedAndShortened() throws Exception {
        String title = "nbd+unix:///a<b>&\"c\"\u0001\ud800?socket=/" + "x".repeat(300) + "/sock";
        String svg = svg(Extents.of(1024, 0), 1024, title, 64, 32);
        Document document = parsed(svg);
        String whole = document.getElementsByTagName("title").item(0).getTextContent();
        assertEquals(title.replace('\u0001', '\ufffd').replace('\ud800', '\ufffd'), whole);
        String shown = document.getElementsByTagName("text").item(0).getTextContent();
        assertTrue(shown.startsWith("nbd+unix:///a<b>&\"c\"") && shown.endsWith("xx/sock"), shown);
        assertTrue(shown.length() < 100, shown);
    }

    @Test
    void itStandsAlone() {
        String svg = svg(Extents.of(1024, 0), 1024, "disk", 64, 32);
        assertFalse(svg.contains("<script"));
        assertFalse(svg.contains("href"));
        assertFalse(svg.contains("url("));
        assertFalse(svg.contains("@import"));
        assertTrue(svg.contains("prefers-color-scheme: dark"));
    }

    @Test
    void anEmptyDiskIsCalledEmpty() throws Exception {
        String svg = svg(List.of(), 0, "disk", 64, 32);
        assertTrue(svg.contains("empty: 0 bytes"), svg);
        parsed(svg);
    }

    @Test
    void tooManyCellsAreRefused() {
        assertThrows(IllegalArgumentException.class, () -> svg(List.of(), 0, "disk", 1000, 1000));
        assertThrows(IllegalArgumentException.class, () -> svg(List.of(), 0, "disk", 129, 128));
        assertThrows(IllegalArgumentException.class, () -> svg(List.of(), 0, "disk", 0, 1));
    }

    /** The worst map: every cell is a mixture and differs from the next. */
    private record DiskSvgs(int columns, int rows) {
        String ofAlternatingExtents(int count) {
            StringBuilder out = new StringBuilder();
            long[] lengths = {1, 3, 6, 9, 2, 5, 7};
            long size = 0;
            for (int i = 0; i < count; i++) {
                size += lengths[i % lengths.length];
            }
            MapSink sink = new DiskSvg(out, DiskPart.whole(ALLOCATION, size), "disk", columns, rows);
            long offset = 0;
            for (int i = 0; i < count; i++) {
                long length = lengths[i % lengths.length];
                sink.extent(new Extent(offset, length, i % 97 < 48 ? i % 4 : 3));
                offset += length;
            }
            sink.end();
            return out.toString();
        }
    }

    private static String svg(List<Extent> extents, long size, String title, int columns, int rows) {
        StringBuilder out = new StringBuilder();
        Extents.feed(new DiskSvg(out, DiskPart.whole(ALLOCATION, size), title, columns, rows), extents);
        return out.toString();
    }

    private static Document parsed(String svg) throws ParserConfigurationException, IOException, SAXException {
        return DocumentBuilderFactory.newInstance().newDocumentBuilder().parse(new InputSource(new StringReader(svg)));
    }
}
